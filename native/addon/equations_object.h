// SPDX-License-Identifier: Apache-2.0
// The JavaScript object behind `NativeEquations` in src/native/equations-binding.ts.
#pragma once

#include <node_api.h>

namespace ortserve {

/// openEquations(dimension, outputs)
napi_value call_open_equations(napi_env env, napi_callback_info info);

}  // namespace ortserve
