// SPDX-License-Identifier: Apache-2.0
// The addon's export list: `NativeBinding` in src/native/binding.ts.
#include <node_api.h>

#include "addon/binding_calls.h"
#include "addon/device_calls.h"
#include "addon/environment.h"
#include "addon/equations_object.h"
#include "addon/histogram_object.h"
#include "addon/js_build.h"
#include "addon/pin_library.h"
#include "addon/shared_cache_calls.h"
#include "addon/shared_memory_calls.h"

namespace ortserve {

namespace {

napi_value make_binding(napi_env env) {
  pin_library();
  Environment* const environment = Environment::create(env);
  return JsObject(env)
      .set("version", ORTSERVE_VERSION)
      .set("codes", code_names(env))
      .set("dtypes", dtype_names(env))
      .set_method("start", call_start, environment)
      .set_method("stop", call_stop, environment)
      .set_method("engine", call_engine, environment)
      .set_method("bufferStats", call_buffer_stats, environment)
      .set_method("providerOptions", call_provider_options, environment)
      .set_method("devices", call_devices, environment)
      .set_method("gpus", call_gpus, environment)
      .set_method("loadModel", call_load_model, environment)
      .set_method("attachModel", call_attach_model, environment)
      .set("sharedMemory", make_shared_memory_object(env))
      .set_method("openPort", call_open_port, environment)
      .set_method("closeSocketsWithThread", call_close_sockets_with_thread, environment)
      .set_method("refuseConnections", call_refuse_connections, environment)
      .set_method("exitNow", call_exit_now, environment)
      .set_method("openSharedCache", call_open_shared_cache, environment)
      .set_method("closeSharedCache", call_close_shared_cache, environment)
      .set_method("answerLookup", call_answer_lookup, environment)
      .set_method("answerStore", call_answer_store, environment)
      .set_method("sharedCacheReady", call_shared_cache_ready, environment)
      .set_method("sharedCacheDown", call_shared_cache_down, environment)
      .set_method("sharedCacheUp", call_shared_cache_up, environment)
      .set_method("openEquations", call_open_equations, environment)
      .set_method("makeHistogram", call_make_histogram, nullptr)
      .set_method("flushShared", call_flush_shared, environment)
      .value();
}

}  // namespace

}  // namespace ortserve

NAPI_MODULE_INIT() {
  static_cast<void>(exports);
  return ortserve::entry(env, [&] { return ortserve::make_binding(env); });
}
