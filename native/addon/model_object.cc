// SPDX-License-Identifier: Apache-2.0
#include "addon/model_object.h"

#include <algorithm>
#include <random>

#include "addon/js_build.h"
#include "addon/js_promise.h"
#include "addon/js_read.h"
#include "addon/js_tensor.h"
#include "addon/model_info.h"

namespace ortserve {

namespace {

void finalize_handle(napi_env, void* data, void*) noexcept {
  const std::unique_ptr<ModelHandle> handle(static_cast<ModelHandle*>(data));
  std::ranges::replace(*handle->handles, static_cast<const ModelHandle*>(handle.get()),
                       static_cast<const ModelHandle*>(nullptr));
}

struct ModelCall {
  Environment& environment;
  const std::shared_ptr<LoadedModel>& model;

  static ModelCall read(napi_env env, napi_callback_info info) {
    napi_value self;
    void* data;
    check(napi_get_cb_info(env, info, nullptr, nullptr, &self, &data));
    Environment& environment = *Environment::of(data);
    return {environment, environment.model_of(env, self)};
  }
};

napi_value call_stats(napi_env env, napi_callback_info info) {
  return entry(env, [&] { return model_stats_to_js(env, *ModelCall::read(env, info).model); });
}

napi_value call_backlog_millis(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const std::chrono::duration<double, std::milli> backlog = ModelCall::read(env, info).model->backlog();
    return js_number(env, backlog.count());
  });
}

napi_value call_flush_cache(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    ModelCall::read(env, info).model->flush_cache(true);
    return js_undefined(env);
  });
}

napi_value call_pick_samples(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<1> arguments(env, info);
    const double share = read_number(env, arguments[0], "share");
    if (!(share >= 0 && share <= 1)) fail(Code::kInvalidArgument, "expected a share from 0 to 1");
    ModelCall::read(env, info).model->options().samples->pick(share, std::random_device()());
    return js_undefined(env);
  });
}

napi_value call_take_sample(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    auto sample = ModelCall::read(env, info).model->options().samples->take();
    if (!sample) return js_undefined(env);
    const napi_value inputs = js_array(env, sample->inputs.size());
    uint64_t copied = 0;
    for (size_t i = 0; i < sample->inputs.size(); ++i) {
      Value value;
      value.tensor = std::move(sample->inputs[i]);
      set_element(env, inputs, i, sample->present[i] ? value_to_js(env, value, copied) : js_undefined(env));
    }
    return inputs;
  });
}

napi_value call_close(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const ModelCall call = ModelCall::read(env, info);
    const JsPromise promise(env, call.environment.shared_completions());
    call.model->close([settle = promise.settler()] { settle(js_undefined); });
    return promise.value();
  });
}

}  // namespace

napi_value make_model_object(napi_env env, Environment& environment, const std::shared_ptr<LoadedModel>& model) {
  ModelHandles& handles = *environment.handles();
  auto place = std::ranges::find(handles, nullptr);
  if (place == handles.end()) place = handles.insert(place, nullptr);
  const napi_value object = JsObject(env)
                                .set("handle", static_cast<double>(place - handles.begin()))
                                .set("info", model_info_to_js(env, *model))
                                .set("id", static_cast<double>(model->id()))
                                .set_method("stats", call_stats, &environment)
                                .set_method("backlogMillis", call_backlog_millis, &environment)
                                .set_method("flushCache", call_flush_cache, &environment)
                                .set_method("pickSamples", call_pick_samples, &environment)
                                .set_method("takeSample", call_take_sample, &environment)
                                .set_method("close", call_close, &environment)
                                .value();
  auto handle = std::make_unique<ModelHandle>(ModelHandle{model, environment.handles()});
  check(napi_wrap(env, object, handle.get(), finalize_handle, nullptr, nullptr));
  *place = handle.release();  // the finalizer's now
  return object;
}

}  // namespace ortserve
