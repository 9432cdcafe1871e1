// SPDX-License-Identifier: Apache-2.0
#include "core/tensor.h"

#include <gtest/gtest.h>

#include <cstring>

namespace ortserve {
namespace {

Tensor floats(BufferPool& pool, const Shape& shape, float first) {
  auto tensor = allocate_tensor(pool, DType::kFp32, shape);
  for (int64_t i = 0; i < tensor->elements(); ++i) tensor->data.as<float>()[i] = first + static_cast<float>(i);
  return std::move(*tensor);
}

Tensor strings(BufferPool& pool, const Shape& shape, const std::vector<std::string>& values) {
  std::string bytes;
  Tensor tensor;
  tensor.dtype = DType::kString;
  tensor.shape = shape;
  tensor.offsets.push_back(0);
  for (const auto& value : values) {
    bytes += value;
    tensor.offsets.push_back(bytes.size());
  }
  tensor.data = pool.acquire(bytes.size()).value();
  if (!bytes.empty()) std::memcpy(tensor.data.data(), bytes.data(), bytes.size());
  return tensor;
}

TEST(Shape, CountsElementsAndSeesOverflow) {
  EXPECT_EQ(Shape({}).elements(), 1);
  EXPECT_EQ((Shape{2, 3, 4}).elements(), 24);
  EXPECT_EQ((Shape{2, 0, 4}).elements(), 0);
  EXPECT_EQ((Shape{2, 3, 4}).row_elements(), 12);
  EXPECT_EQ((Shape{16, 1152921504606846978}).elements(), std::nullopt);
  EXPECT_EQ((Shape{-1, 3}).elements(), std::nullopt);
  EXPECT_EQ((Shape{-1, 3}).row_elements(), 3);
  EXPECT_EQ((Shape{1, 28, -1}).to_string(), "[1,28,-1]");
}

TEST(Shape, StopsAtItsLargestRank) {
  Shape shape;
  for (size_t i = 0; i < Shape::kMaxRank; ++i) EXPECT_TRUE(shape.push_back(1));
  EXPECT_FALSE(shape.push_back(1));
}

TEST(Tensor, RefusesAByteSizeThatOverflows) {
  BufferPool pool({});
  auto tensor = allocate_tensor(pool, DType::kFp64, Shape{INT64_MAX / 4, 2});
  ASSERT_FALSE(tensor.ok());
  EXPECT_EQ(tensor.status().code(), Code::kInvalidInput);
}

TEST(Tensor, NamesEveryDatatype) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(dtype_from_name(dtype_name(dtype)), dtype);
  }
  EXPECT_EQ(dtype_from_name("FLOAT"), std::nullopt);
}

TEST(Tensor, RowsAreViews) {
  BufferPool pool({});
  const Tensor tensor = floats(pool, Shape{4, 3}, 0);
  const Tensor middle = tensor.rows(1, 2);
  EXPECT_EQ(middle.shape, (Shape{2, 3}));
  EXPECT_EQ(middle.data.data(), tensor.data.data() + 3 * sizeof(float));
  EXPECT_EQ(middle.byte_size(), 6 * sizeof(float));
}

TEST(Tensor, StringRowsKeepTheirElements) {
  BufferPool pool({});
  const Tensor tensor = strings(pool, Shape{3, 2}, {"a", "", "long one", "b", std::string("\0x", 2), "c"});
  const Tensor last = tensor.rows(1, 2);
  EXPECT_EQ(last.string_at(0), "long one");
  EXPECT_EQ(last.string_at(2), std::string_view("\0x", 2));
  EXPECT_EQ(last.string_at(3), "c");
}

TEST(Tensor, ConcatJoinsRowsInOrder) {
  BufferPool pool({});
  const Tensor a = floats(pool, Shape{1, 2}, 0);
  const Tensor b = floats(pool, Shape{0, 2}, 0);
  const Tensor c = floats(pool, Shape{2, 2}, 10);
  auto joined = concat_rows(pool, std::vector<const Tensor*>{&a, &b, &c});
  ASSERT_TRUE(joined.ok());
  EXPECT_EQ(joined->shape, (Shape{3, 2}));
  EXPECT_EQ(joined->data.as<float>()[1], 1);
  EXPECT_EQ(joined->data.as<float>()[2], 10);
  EXPECT_EQ(joined->data.as<float>()[5], 13);
}

TEST(Tensor, ConcatJoinsStrings) {
  BufferPool pool({});
  const Tensor a = strings(pool, Shape{1}, {"ab"});
  const Tensor b = strings(pool, Shape{2}, {"", "c"});
  auto joined = concat_rows(pool, std::vector<const Tensor*>{&a, &b});
  ASSERT_TRUE(joined.ok());
  EXPECT_EQ(joined->shape, (Shape{3}));
  EXPECT_EQ(joined->string_at(0), "ab");
  EXPECT_EQ(joined->string_at(1), "");
  EXPECT_EQ(joined->string_at(2), "c");
}

// What a cache is bounded by.
TEST(Value, CountsTheOffsetsOfStrings) {
  BufferPool pool{{}};
  Value value;
  const uint64_t empty = value.byte_size();
  value.tensor.dtype = DType::kString;
  value.tensor.shape = Shape{2};
  value.tensor.offsets = {0, 1, 3};
  value.tensor.data = pool.acquire(3).value();
  EXPECT_EQ(value.byte_size() - empty, 3 + 3 * sizeof(uint64_t));
}

}  // namespace
}  // namespace ortserve
