// SPDX-License-Identifier: Apache-2.0
// What JavaScript may ask about execution providers and devices.
#pragma once

#include <node_api.h>

namespace ortserve {

/// Every option of every provider: `NativeProviderOption[]` of src/native/binding.ts.
napi_value call_provider_options(napi_env env, napi_callback_info info);

}  // namespace ortserve
