// SPDX-License-Identifier: Apache-2.0
// What JavaScript may ask about execution providers and devices.
#pragma once

#include <node_api.h>

namespace ortserve {

/// Every option of every provider: `NativeProviderOption[]` of src/native/binding.ts.
napi_value call_provider_options(napi_env env, napi_callback_info info);

/// What this machine has for inference, and why providers cannot be used: `NativeDevices`. Loads the libraries that
/// providers need, which takes a while.
napi_value call_devices(napi_env env, napi_callback_info info);

/// A promise of the GPUs' state now, `NativeGpu[]`, read on a worker thread; empty where there is none.
napi_value call_gpus(napi_env env, napi_callback_info info);

}  // namespace ortserve
