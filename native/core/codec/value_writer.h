// SPDX-License-Identifier: Apache-2.0
// Model outputs as JSON values: tensors as nested arrays, sequences as arrays, maps as objects.
#pragma once

#include <string_view>

#include "core/codec/json_writer.h"
#include "core/status.h"
#include "core/tensor.h"

namespace ortserve {

/// Most bytes that write_value() writes, or that all its rows together take with a comma after each.
/// kUnsupported: `value`, of the output `name`, holds bytes that are not UTF-8.
Result<size_t> value_bound(std::string_view name, const Value& value);
/// The same check for the elements of one tensor.
Status check_utf8(std::string_view name, const Tensor& tensor);

void write_value(JsonWriter& writer, const Value& value) noexcept;
/// Row `row` along dim 0 of a tensor, or the item of a sequence.
void write_row(JsonWriter& writer, const Value& value, int64_t row) noexcept;
/// Whether `value` has `rows` rows for write_row().
bool has_rows(const Value& value, int64_t rows) noexcept;

}  // namespace ortserve
