// SPDX-License-Identifier: Apache-2.0
// Tensors and values between the core and ONNX Runtime. Part of every run: plain C API, no exceptions but bad_alloc.
#pragma once

#include <atomic>
#include <span>

#include "core/tensor.h"
#include "engine/ort_api.h"

namespace ortserve {

/// An ORT tensor over `tensor`'s own bytes, which must outlive it; strings are copied. kInvalidInput when the bytes or
/// the string offsets do not fit the shape.
Status lend_to_ort(const Tensor& tensor, const OrtMemoryInfo* cpu_memory, Ort::Value& value);

/// Takes an output over. A numeric tensor stays where ORT put it, and its Buffer owns the ORT value; it is copied into
/// `pool` only when its bytes are those of an input, which the caller may reuse. Strings are copied.
/// kUnsupported for a run-time type that the core cannot carry (the declared ones were checked at load). kCancelled:
/// `stop` became true while a sequence was read, item by item.
Status take_from_ort(Ort::Value ort, BufferPool& pool, std::span<const Tensor> inputs, const std::atomic<bool>& stop,
                     Value& value);

}  // namespace ortserve
