// SPDX-License-Identifier: Apache-2.0
// What a session's graph declares, as the core's ModelSpec.
#pragma once

#include "core/model_spec.h"
#include "engine/ort_api.h"

namespace ortserve {

/// Inputs (graph inputs, then overridable initializers as optional inputs) and outputs. `batched` is left undecided.
/// kLoadFailed for what the core cannot carry: more than Shape::kMaxRank dims, inputs that are not tensors or have no
/// declared rank, element types without a DType, outputs other than tensors, maps and sequences of these.
/// Throws Ort::Exception.
Result<ModelSpec> read_session_spec(const Ort::Session& session);

/// Whether an input's dim other than the first is dynamic.
bool has_dynamic_inner_dims(const ModelSpec& spec) noexcept;

}  // namespace ortserve
