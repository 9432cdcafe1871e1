// SPDX-License-Identifier: Apache-2.0
// The functions of the addon's export list, as `NativeBinding` in src/native/binding.ts describes them.
#pragma once

#include <node_api.h>

namespace ortserve {

napi_value code_names(napi_env env);
napi_value dtype_names(napi_env env);

napi_value call_start(napi_env env, napi_callback_info info);
napi_value call_stop(napi_env env, napi_callback_info info);
napi_value call_engine(napi_env env, napi_callback_info info);
napi_value call_buffer_stats(napi_env env, napi_callback_info info);
napi_value call_load_model(napi_env env, napi_callback_info info);
napi_value call_attach_model(napi_env env, napi_callback_info info);
napi_value call_open_port(napi_env env, napi_callback_info info);
napi_value call_close_sockets_with_thread(napi_env env, napi_callback_info info);
napi_value call_refuse_connections(napi_env env, napi_callback_info info);
napi_value call_exit_now(napi_env env, napi_callback_info info);

}  // namespace ortserve
