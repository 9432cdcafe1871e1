// SPDX-License-Identifier: Apache-2.0
// What is known about a model, as JavaScript objects: `NativeModelInfo` and `NativeModelStats` in
// src/native/binding.ts.
#pragma once

#include <node_api.h>

#include "addon/loaded_model.h"

namespace ortserve {

napi_value model_info_to_js(napi_env env, const LoadedModel& model);
napi_value model_stats_to_js(napi_env env, const LoadedModel& model);

}  // namespace ortserve
