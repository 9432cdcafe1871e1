// SPDX-License-Identifier: Apache-2.0
// Binary tensor data of the Open Inference Protocol.
#pragma once

#include "core/buffer_pool.h"
#include "core/model_spec.h"
#include "core/request.h"

namespace ortserve {

/// The tensor whose data is `blob`. Numbers are read where they lie when they lie aligned to their size, else from a
/// copy; BYTES (u32 little-endian length before each element) are always copied together. `copied` counts the blob
/// once, for the copy that brought it from the socket into the body, and every further copy. kInvalidInput: the blob
/// does not hold exactly `shape`.
Result<Tensor> tensor_from_blob(const InputSpec& input, const Shape& shape, const Buffer& blob, BufferPool& pool,
                                CopiedBytes& copied);

/// Bytes that write_blob() writes.
size_t blob_size(const Tensor& tensor) noexcept;
/// Writes `tensor` in blob form; returns the end.
std::byte* write_blob(const Tensor& tensor, std::byte* target) noexcept;

}  // namespace ortserve
