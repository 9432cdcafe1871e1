// SPDX-License-Identifier: Apache-2.0
// Tensors across the JavaScript boundary: `NativeTensor` and `NativeValue` of src/native/binding.ts.
#pragma once

#include <node_api.h>

#include "addon/js_reference.h"
#include "core/model_spec.h"
#include "core/tensor.h"

namespace ortserve {

/// How the bytes of a numeric input come in.
struct TensorSource {
  BufferPool& pool;
  bool lend;  ///< read in place; `references` then keeps the memory alive
  std::vector<JsReference>& references;
  uint64_t copied = 0;  ///< bytes copied
};

/// Reads one input. Throws StatusError: kInvalidInput for another dtype than the model's, a detached view or a data
/// length that is not that of the shape; kOutOfMemory. The shape is not compared with the model's.
Tensor tensor_from_js(napi_env env, napi_value value, const InputSpec& spec, TensorSource& source);

/// A result as JavaScript sees it; numeric data is copied once, into an ArrayBuffer of its own. Adds the bytes to
/// `copied`.
napi_value value_to_js(napi_env env, const Value& value, uint64_t& copied);

}  // namespace ortserve
