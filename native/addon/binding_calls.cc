// SPDX-License-Identifier: Apache-2.0
#include "addon/binding_calls.h"

#include <cstdlib>

#include "addon/environment.h"
#include "addon/js_build.h"
#include "addon/js_promise.h"
#include "addon/js_read.h"
#include "addon/load_options.h"
#include "addon/model_object.h"
#include "addon/process_engine.h"
#include "addon/thread_sockets.h"

namespace ortserve {

namespace {

void require_running() {
  if (!ProcessEngine::instance().running())
    fail(Code::kInvalidArgument, "the engine was not started: call start() first");
}

}  // namespace

napi_value code_names(napi_env env) {
  const napi_value names = js_array(env, kCodeCount);
  for (int i = 0; i < kCodeCount; ++i) {
    set_element(env, names, static_cast<size_t>(i), js_string(env, code_name(static_cast<Code>(i))));
  }
  return names;
}

napi_value dtype_names(napi_env env) {
  const napi_value names = js_array(env, kDTypeCount);
  for (int i = 0; i < kDTypeCount; ++i) {
    set_element(env, names, static_cast<size_t>(i), js_string(env, dtype_name(static_cast<DType>(i))));
  }
  return names;
}

napi_value call_start(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<2> arguments(env, info);
    const std::string path = read_string(env, arguments[0], "libraryPath");
    const auto amount = [&](const char* name) {
      return read_amount(env, read_property(env, arguments[1], name), name);
    };
    ProcessEngine::Options options;
    options.cores = static_cast<int>(std::min<int64_t>(amount("cores"), 1024));
    options.buffers.max_live_bytes = static_cast<uint64_t>(amount("maxBufferBytes"));
    options.buffers.max_retained_bytes = static_cast<uint64_t>(amount("maxRetainedBytes"));
    options.cache_bytes = static_cast<uint64_t>(amount("cacheBytes"));
    options.engine_cache = read_string(env, read_property(env, arguments[1], "engineCache"), "engineCache");
    if (Status status = ProcessEngine::instance().start(path, options); !status.ok()) fail(std::move(status));
    return js_undefined(env);
  });
}

napi_value call_stop(napi_env env, napi_callback_info) {
  return entry(env, [&] {
    ProcessEngine::instance().stop();
    return js_undefined(env);
  });
}

napi_value call_engine(napi_env env, napi_callback_info) {
  return entry(env, [&] {
    const EngineInfo engine = value_or_throw(engine_info());
    return JsObject(env)
        .set("libraryPath", engine.library_path)
        .set("version", engine.version)
        .set("providers", js_array_of(env, engine.providers, [env](const auto& name) { return js_string(env, name); }))
        .set("cores", ProcessEngine::instance().cores())
        .value();
  });
}

napi_value call_buffer_stats(napi_env env, napi_callback_info) {
  return entry(env, [&] {
    require_running();
    const BufferPool::Stats stats = ProcessEngine::instance().buffers().stats();
    return JsObject(env)
        .set_count("liveBytes", stats.live_bytes)
        .set_count("peakLiveBytes", stats.peak_live_bytes)
        .set_count("retainedBytes", stats.retained_bytes)
        .set_count("acquired", stats.acquired)
        .set_count("reused", stats.reused)
        .set_count("refused", stats.refused)
        .value();
  });
}

napi_value call_load_model(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<1> arguments(env, info);
    require_running();
    Environment* const environment = Environment::of(arguments.data);
    ModelLoadOptions options = load_options_from_js(env, arguments[0]);
    const JsPromise promise(env, environment->shared_completions());
    ProcessEngine::instance().load(
        std::move(options), [environment, settle = promise.settler()](Result<std::shared_ptr<LoadedModel>> loaded) {
          // The environment is there when this runs: its port drops the task otherwise.
          settle([environment, loaded = std::move(loaded)](napi_env current) {
            return make_model_object(current, *environment, value_or_throw(loaded));
          });
        });
    return promise.value();
  });
}

napi_value call_attach_model(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<1> arguments(env, info);
    const int64_t id = read_integer(env, arguments[0], "id", 0, UINT32_MAX);
    const auto model = ProcessEngine::instance().find(static_cast<uint32_t>(id));
    return model && model->is_open() ? make_model_object(env, *Environment::of(arguments.data), model)
                                     : js_undefined(env);
  });
}

napi_value call_open_port(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<2> arguments(env, info);
    require_running();
    return Environment::of(arguments.data)->open_port(env, arguments[0], arguments[1]);
  });
}

napi_value call_close_sockets_with_thread(napi_env env, napi_callback_info) {
  return entry(env, [&] {
    close_sockets_with_thread(env);
    return js_undefined(env);
  });
}

napi_value call_refuse_connections(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<1> arguments(env, info);
    const int64_t port = read_integer(env, arguments[0], "port", 1, UINT16_MAX);
    return js_number(env, refuse_connections(env, static_cast<int>(port)));
  });
}

napi_value call_exit_now(napi_env env, napi_callback_info info) {
  return entry(env, [&]() -> napi_value {
    const CallArguments<1> arguments(env, info);
    std::_Exit(static_cast<int>(read_integer(env, arguments[0], "code", 0, 255)));
  });
}

}  // namespace ortserve
