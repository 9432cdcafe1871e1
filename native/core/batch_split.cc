// SPDX-License-Identifier: Apache-2.0
#include "core/batch_split.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace ortserve {

namespace {

// Moves sequence items: each row has exactly one taker.
void take_rows(Value& value, int64_t begin, int64_t rows, Value& part) {
  part.kind = value.kind;
  if (value.kind == Value::Kind::kTensor) {
    part.tensor = value.tensor.rows(begin, rows);
  } else {
    const auto first = value.items.begin() + begin;
    part.items.assign(std::make_move_iterator(first), std::make_move_iterator(first + rows));
  }
}

}  // namespace

int64_t padded_rows(std::span<const int64_t> sizes, int64_t rows) noexcept {
  const auto size = std::ranges::lower_bound(sizes, rows);
  return size == sizes.end() ? rows : *size;
}

Status join_inputs(BufferPool& pool, std::span<const std::unique_ptr<Request>> batch, int64_t padding,
                   std::vector<Tensor>& inputs) {
  const Request& first = *batch.front();
  inputs.resize(first.inputs.size());
  std::vector<const Tensor*> parts(batch.size() + static_cast<size_t>(padding));
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!first.present[i]) continue;
    for (size_t r = 0; r < batch.size(); ++r) parts[r] = &batch[r]->inputs[i];
    const Tensor filler = padding > 0 ? parts[0]->rows(0, 1) : Tensor();
    std::fill(parts.begin() + static_cast<ptrdiff_t>(batch.size()), parts.end(), &filler);
    auto joined = concat_rows(pool, parts);
    if (!joined.ok()) return joined.take_status();
    inputs[i] = std::move(*joined);
  }
  for (const auto& request : batch) request->copied.in += request->input_bytes;
  return {};
}

Status split_outputs(std::span<const std::unique_ptr<Request>> batch, int64_t rows, std::vector<Value>& outputs) {
  for (const Value& output : outputs) {
    if (output.rows() != rows) {
      return {Code::kInternal, "a batch of " + std::to_string(rows) + " rows gave an output of " +
                                   std::to_string(output.rows()) + " rows"};
    }
  }
  int64_t begin = 0;
  for (const auto& request : batch) {
    request->outputs.clear();
    request->outputs.reserve(outputs.size());
    for (Value& output : outputs) take_rows(output, begin, request->rows, request->outputs.emplace_back());
    request->status = Status();
    begin += request->rows;
  }
  return {};
}

}  // namespace ortserve
