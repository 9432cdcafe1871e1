// SPDX-License-Identifier: Apache-2.0
#include "core/codec/nested_reader.h"

#include <algorithm>

#include "core/codec/json_scalar.h"

namespace ortserve {

namespace {

bool rows_have_one_element(const Shape& wanted) {
  return std::ranges::all_of(wanted.dims().subspan(1), [](int64_t dim) { return dim == 1; });
}

}  // namespace

Status NestedReader::read_row(JsonCursor& cursor) {
  ORTSERVE_RETURN_IF_ERROR(read_value(cursor, 1));
  dims_[0] = ++rows_;
  return {};
}

Status NestedReader::read_column(JsonCursor& cursor, size_t columns) {
  if (!set_rank(2)) return uneven_rank(2);
  has_columns_ = true;
  ORTSERVE_RETURN_IF_ERROR(builder_.read_one(cursor));
  dims_[1] = static_cast<int64_t>(columns);
  dims_[0] = static_cast<int64_t>(builder_.elements() / columns);
  return {};
}

Tensor NestedReader::finish() {
  const Shape& wanted = builder_.spec().dims;
  const size_t rank = rank_known_ ? rank_ : deepest_;
  Shape shape(std::span(dims_.data(), rank));
  if (rank <= 1 && rank < wanted.rank() && rows_have_one_element(wanted)) {
    while (shape.rank() < wanted.rank()) shape.push_back(1);
  }
  if (has_columns_ && wanted.rank() == 1) shape = {static_cast<int64_t>(builder_.elements())};
  return builder_.finish(shape);
}

Status NestedReader::read_value(JsonCursor& cursor, size_t level) {
  if (cursor.peek() == '[') return read_array(cursor, level);
  if (!set_rank(level)) return uneven_rank(level);
  return builder_.read_one(cursor);
}

Status NestedReader::read_array(JsonCursor& cursor, size_t level) {
  if (level == Shape::kMaxRank) {
    return ragged("is nested deeper than " + std::to_string(Shape::kMaxRank) + " dims");
  }
  ORTSERVE_RETURN_IF_ERROR(cursor.enter());
  deepest_ = std::max(deepest_, level + 1);
  if (cursor.peek() == ']') {
    cursor.leave();
    return close(level, 0);
  }
  if (cursor.peek() != '[') {
    return read_scalars(cursor, level);
  }
  int64_t count = 0;
  while (true) {
    if (cursor.peek() != '[') return is_scalar(cursor) ? mixed() : cursor.unexpected("an array");
    ORTSERVE_RETURN_IF_ERROR(read_array(cursor, level + 1));
    ++count;
    if (rank_known_ && rank_ == level + 2) count += builder_.read_more_rows(cursor, dims_[level + 1]);
    if (cursor.peek() != ',') break;
    cursor.advance();
  }
  if (cursor.peek() != ']') return cursor.unexpected("',' or ']'");
  cursor.leave();
  return close(level, count);
}

Status NestedReader::read_scalars(JsonCursor& cursor, size_t level) {
  if (!set_rank(level + 1)) return uneven_rank(level + 1);
  const uint64_t before = builder_.elements();
  ORTSERVE_RETURN_IF_ERROR(builder_.read_run(cursor));
  if (cursor.peek() == '[') return mixed();
  if (cursor.peek() != ']') return cursor.unexpected("',' or ']'");
  cursor.leave();
  return close(level, static_cast<int64_t>(builder_.elements() - before));
}

Status NestedReader::uneven_rank(size_t rank) const {
  return ragged("is ragged: values stand at different depths (" + std::to_string(rank_) + " and " +
                std::to_string(rank) + ")");
}

Status NestedReader::uneven_count(size_t level, int64_t count) const {
  return ragged("is ragged: arrays of " + std::to_string(dims_[level]) + " and of " + std::to_string(count) +
                " items stand at the same depth");
}

Status NestedReader::mixed() const {
  return ragged("is ragged: arrays and single values are mixed");
}

Status NestedReader::ragged(const std::string& how) const {
  const InputSpec& spec = builder_.spec();
  return {Code::kInvalidInput, "expected " + std::string(dtype_name(spec.dtype)) + " " + spec.dims.to_string() +
                                   " for input '" + spec.name + "', but the nesting of what came " + how};
}

Status read_flattened(JsonCursor& cursor, TensorBuilder& builder) {
  if (cursor.peek() != '[') return cursor.unexpected("an array in 'data'");
  ORTSERVE_RETURN_IF_ERROR(cursor.enter());
  if (cursor.peek() == ']') {
    cursor.leave();
    return {};
  }
  while (true) {
    if (cursor.peek() != '[') {
      ORTSERVE_RETURN_IF_ERROR(builder.read_run(cursor));
      if (cursor.peek() == '[') continue;  // the comma before it is behind us
    } else {
      ORTSERVE_RETURN_IF_ERROR(read_flattened(cursor, builder));
      if (cursor.peek() == ',') {
        cursor.advance();
        continue;
      }
    }
    if (cursor.peek() != ']') return cursor.unexpected("',' or ']'");
    cursor.leave();
    return {};
  }
}

}  // namespace ortserve
