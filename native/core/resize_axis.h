// SPDX-License-Identifier: Apache-2.0
// A tensor made longer or shorter along one dim.
#pragma once

#include <span>

#include "core/tensor.h"

namespace ortserve {

/// One copy of `tensor` whose dim `axis` is `size`: cut off at the end, or filled up with `fill` (one element; not used
/// for strings, which are filled up with ""). kOutOfMemory.
Result<Tensor> resize_axis(BufferPool& pool, const Tensor& tensor, size_t axis, int64_t size,
                           std::span<const std::byte> fill);

}  // namespace ortserve
