// SPDX-License-Identifier: Apache-2.0
// The binding's functions about the second cache level, as `NativeBinding` in src/native/binding.ts describes them.
#pragma once

#include <node_api.h>

namespace ortserve {

napi_value call_open_shared_cache(napi_env env, napi_callback_info info);
napi_value call_close_shared_cache(napi_env env, napi_callback_info info);
napi_value call_answer_lookup(napi_env env, napi_callback_info info);
napi_value call_answer_store(napi_env env, napi_callback_info info);
napi_value call_shared_cache_ready(napi_env env, napi_callback_info info);
napi_value call_shared_cache_down(napi_env env, napi_callback_info info);
napi_value call_shared_cache_up(napi_env env, napi_callback_info info);
napi_value call_flush_shared(napi_env env, napi_callback_info info);

}  // namespace ortserve
