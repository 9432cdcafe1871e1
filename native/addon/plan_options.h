// SPDX-License-Identifier: Apache-2.0
// `preprocess` and `postprocess` of NativeLoadOptions. Which values make sense is checked in TypeScript; whether they
// fit the model, when it is loaded.
#pragma once

#include <node_api.h>

#include <map>
#include <string>

#include "core/transform/input_plan.h"
#include "core/transform/output_plan.h"

namespace ortserve {

/// By input. Throws StatusError(kInvalidArgument).
std::map<std::string, InputPlan> input_plans_from_js(napi_env env, napi_value value);
/// By output.
std::map<std::string, OutputPlan> output_plans_from_js(napi_env env, napi_value value);

}  // namespace ortserve
