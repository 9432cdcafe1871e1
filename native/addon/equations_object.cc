// SPDX-License-Identifier: Apache-2.0
#include "addon/equations_object.h"

#include <cstring>
#include <memory>
#include <mutex>

#include "addon/environment.h"
#include "addon/js_build.h"
#include "addon/js_promise.h"
#include "addon/js_read.h"
#include "addon/js_tagged.h"
#include "addon/process_engine.h"
#include "core/solve/normal_equations.h"

namespace ortserve {

namespace {

// Jobs hold it too: it outlives close() and the environment until they have ended.
struct Equations {
  explicit Equations(NormalEquations made) : normal(std::move(made)) {}
  std::mutex mutex;
  NormalEquations normal;  // guarded
};

// Of the JavaScript object; null once closed.
using Handle = std::shared_ptr<Equations>;

constexpr napi_type_tag kTag = {0x6f72747365727665, 0x6571756174696f6e};

struct EquationsCall {
  Environment& environment;
  Handle& equations;

  static EquationsCall read(napi_env env, napi_callback_info info) {
    napi_value self;
    void* data;
    check(napi_get_cb_info(env, info, nullptr, nullptr, &self, &data));
    return {*Environment::of(data), tagged<Handle>(env, self, kTag, "an object made by openEquations()")};
  }

  // Promises what `job` gives of the equations on a native thread, as `convert` makes it JavaScript's.
  template <typename Job, typename Convert>
  napi_value promise(napi_env env, Job job, Convert convert) const {
    if (!equations) fail(Code::kInvalidArgument, "the equations are closed");
    const JsPromise promise(env, environment.shared_completions());
    auto work = [equations = equations, job = std::move(job), convert, settle = promise.settler()] {
      const std::lock_guard lock(equations->mutex);
      auto result = std::make_shared<decltype(job(equations->normal, 1))>(
          job(equations->normal, static_cast<size_t>(ProcessEngine::instance().cores())));
      settle([result, convert](napi_env current) { return convert(current, *result); });
    };
    if (!ProcessEngine::instance().post_long(std::move(work))) {
      promise.settler()([](napi_env) -> napi_value { fail(Code::kInternal, "the engine does not run"); });
    }
    return promise.value();
  }
};

napi_value call_add(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<2> arguments(env, info);
    const EquationsCall call = EquationsCall::read(env, info);
    return call.promise(
        env,
        [x = read_floats(env, arguments[0], "x"), y = read_floats(env, arguments[1], "y")](
            NormalEquations& equations, size_t threads) { return equations.add(x, y, threads); },
        [](napi_env current, const Status& status) {
          if (!status.ok()) fail(status);
          return js_undefined(current);
        });
  });
}

napi_value call_solve(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<2> arguments(env, info);
    const EquationsCall call = EquationsCall::read(env, info);
    return call.promise(
        env,
        [anchor = read_floats(env, arguments[0], "anchor"), ratio = read_number(env, arguments[1], "ratio")](
            NormalEquations& equations, size_t threads) { return equations.solve(anchor, ratio, threads); },
        [](napi_env current, const Result<std::vector<float>>& weights) {
          if (!weights.ok()) fail(weights.status());
          return js_floats(current, weights.value());
        });
  });
}

napi_value call_close(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    EquationsCall::read(env, info).equations.reset();
    return js_undefined(env);
  });
}

}  // namespace

napi_value call_open_equations(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<2> arguments(env, info);
    const auto size = [&](napi_value value, const char* name) {
      return static_cast<size_t>(read_integer(env, value, name, 0, INT32_MAX));
    };
    NormalEquations made =
        value_or_throw(NormalEquations::create(size(arguments[0], "dimension"), size(arguments[1], "outputs")));
    const napi_value object = JsObject(env)
                                  .set_method("add", call_add, arguments.data)
                                  .set_method("solve", call_solve, arguments.data)
                                  .set_method("close", call_close, arguments.data)
                                  .value();
    tag_object(env, object, kTag, std::make_shared<Equations>(std::move(made)));
    return object;
  });
}

}  // namespace ortserve
