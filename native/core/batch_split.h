// SPDX-License-Identifier: Apache-2.0
// Rows into a batch and out again: the only code that joins and splits requests.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/request.h"

namespace ortserve {

/// The smallest of `sizes` (ascending) that holds `rows`; `rows` itself when none does.
int64_t padded_rows(std::span<const int64_t> sizes, int64_t rows) noexcept;

/// Joins the inputs of requests that may share a batch (one copy, counted in each request's copied.in), and repeats the
/// first row `padding` times behind them.
Status join_inputs(BufferPool& pool, std::span<const std::unique_ptr<Request>> batch, int64_t padding,
                   std::vector<Tensor>& inputs);

/// Gives every request its rows of `outputs`, as views; rows beyond the requests' are padding. kInternal when an output
/// does not have `rows` rows, in which case no request was changed.
Status split_outputs(std::span<const std::unique_ptr<Request>> batch, int64_t rows, std::vector<Value>& outputs);

}  // namespace ortserve
