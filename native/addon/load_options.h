// SPDX-License-Identifier: Apache-2.0
// Reads `NativeLoadOptions` of src/native/binding.ts.
#pragma once

#include <node_api.h>

#include "addon/loaded_model.h"

namespace ortserve {

/// Throws StatusError(kInvalidArgument). TypeScript has checked the values and filled in the defaults.
ModelLoadOptions load_options_from_js(napi_env env, napi_value options);

}  // namespace ortserve
