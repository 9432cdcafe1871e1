// SPDX-License-Identifier: Apache-2.0
// `NativeBinding.sharedMemory` in src/native/binding.ts.
#pragma once

#include <node_api.h>

namespace ortserve {

napi_value make_shared_memory_object(napi_env env);

}  // namespace ortserve
