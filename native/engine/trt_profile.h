// SPDX-License-Identifier: Apache-2.0
// TensorRT's optimization profile: the range of shapes an engine is built for. Without one, a shape outside of what was
// seen rebuilds the engine while a request waits, for a minute or more.
#pragma once

#include <vector>

#include "core/shape_plan.h"
#include "engine/provider_options.h"

namespace ortserve {

/// The profile that the user's own trt_profile_* options say, one range per input of `spec`; of several profiles, what
/// all of them cover together. Empty when none is set. kInvalidArgument: only some of the three are set, they are
/// malformed or do not match, or a dynamic input is left out.
Result<std::vector<ShapeRange>> profile_of_user(const ModelSpec& spec, const ProviderSettings& settings);

/// Sets the three options from `ranges`; nothing when every input is fixed.
void set_profile(ProviderSettings& settings, const ModelSpec& spec, const std::vector<ShapeRange>& ranges);

}  // namespace ortserve
