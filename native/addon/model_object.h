// SPDX-License-Identifier: Apache-2.0
// The JavaScript object behind `NativeModel` in src/native/binding.ts.
#pragma once

#include <node_api.h>

#include <memory>

#include "addon/environment.h"

namespace ortserve {

/// A handle on `model` for this environment. The model lives at least as long as the handle is reachable.
napi_value make_model_object(napi_env env, Environment& environment, const std::shared_ptr<LoadedModel>& model);

}  // namespace ortserve
