// SPDX-License-Identifier: Apache-2.0
// The methods of the port object, as `NativePort` in src/native/binding.ts describes them.
#pragma once

#include <node_api.h>

namespace ortserve {

// Wire requests: wire_calls.cc.
napi_value call_submit(napi_env env, napi_callback_info info);
napi_value call_open_body(napi_env env, napi_callback_info info);
napi_value call_append_body(napi_env env, napi_callback_info info);
napi_value call_discard_body(napi_env env, napi_callback_info info);
napi_value call_submit_body(napi_env env, napi_callback_info info);
napi_value call_keep(napi_env env, napi_callback_info info);
napi_value call_end_turn(napi_env env, napi_callback_info info);
napi_value call_submit_prepared(napi_env env, napi_callback_info info);

// Embedded predicts: predict_call.cc.
napi_value call_predict(napi_env env, napi_callback_info info);
napi_value call_predict_prepared(napi_env env, napi_callback_info info);
napi_value call_cancel(napi_env env, napi_callback_info info);

}  // namespace ortserve
