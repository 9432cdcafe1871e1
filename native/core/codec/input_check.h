// SPDX-License-Identifier: Apache-2.0
// What must hold of decoded inputs whatever format they came in.
#pragma once

#include "core/codec/wire.h"

namespace ortserve {

/// kInvalidInput "expected FP32 [-1,28,28,1] for input 'image', got FP32 [1,784]" unless `shape` fits `spec`, or is
/// that with only the live elements of a pruned input.
Status check_shape(const InputSpec& spec, const Shape& shape);

/// Checks the shapes of all present inputs and the number of rows, keeps only the live elements of pruned inputs, in
/// place (their memory is the request's own), and fills rows, input_bytes and shape_key.
/// kInvalidInput: a shape, or inputs of different row counts. kLimitExceeded: more rows than spec.max_rows.
Status finish_inputs(const ModelSpec& spec, Request& request);

}  // namespace ortserve
