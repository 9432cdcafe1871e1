// SPDX-License-Identifier: Apache-2.0
#include "core/shape_plan.h"

#include <gtest/gtest.h>

namespace ortserve {
namespace {

InputSpec input(std::string name, Shape dims, std::vector<std::string> names) {
  return {.name = std::move(name), .dtype = DType::kFp32, .dims = dims, .dim_names = std::move(names)};
}

ModelSpec image() {
  ModelSpec spec;
  spec.inputs.push_back(input("image", {-1, 3, 224, 224}, {"N", "", "", ""}));
  return spec;
}

ModelSpec text() {
  ModelSpec spec;
  spec.inputs.push_back(input("ids", {-1, -1}, {"batch", "length"}));
  spec.inputs.push_back(input("mask", {-1, -1}, {"batch", "length"}));
  spec.inputs.push_back(input("scale", {1}, {""}));
  return spec;
}

TEST(ShapeRanges, NamesTheDimWhoseSizesAreUnknown) {
  const auto unknown = shape_ranges(text(), {});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.status().code(), Code::kInvalidArgument);
  EXPECT_NE(unknown.status().message().find("dim 'length' of input 'ids' [-1,-1]"), std::string::npos)
      << unknown.status().message();
  ModelSpec nameless = text();
  nameless.inputs[0].dim_names[1] = "";
  EXPECT_NE(shape_ranges(nameless, {}).status().message().find("dim 1 of input 'ids'"), std::string::npos);
}

TEST(ShapeRanges, OfAFixedShapeIsThatShape) {
  ModelSpec spec;
  spec.inputs.push_back(input("x", {1, 3}, {"", ""}));
  const auto ranges = shape_ranges(spec, {.max_rows = 8});
  ASSERT_TRUE(ranges.ok());
  EXPECT_EQ(ranges.value()[0], (ShapeRange{{1, 3}, {1, 3}, {1, 3}}));
}

TEST(ShapeRanges, RowsFollowTheBatchPolicy) {
  const auto rows = [](const ShapeHints& hints) {
    const auto ranges = shape_ranges(image(), hints);
    EXPECT_TRUE(ranges.ok());
    const ShapeRange& range = ranges.value()[0];
    EXPECT_EQ(range.best[1], 3);
    return std::vector<int64_t>{range.least[0], range.best[0], range.most[0]};
  };
  EXPECT_EQ(rows({}), (std::vector<int64_t>{1, kUnhintedRows, kUnhintedRows}));
  EXPECT_EQ(rows({.max_rows = 32}), (std::vector<int64_t>{1, 32, 32}));
  EXPECT_EQ(rows({.max_rows = 32, .preferred_rows = {8, 16}}), (std::vector<int64_t>{1, 16, 32}));
  EXPECT_EQ(rows({.preferred_rows = {8, 16}}), (std::vector<int64_t>{1, 16, 16}));
  EXPECT_EQ(rows({.pad_to = {4, 8}}), (std::vector<int64_t>{1, 8, 8}));
  EXPECT_EQ(rows({.max_rows = 20, .pad_to = {4, 8}}), (std::vector<int64_t>{1, 8, 20}));  // one large request
}

TEST(ShapeRanges, OtherDimsFollowTheirBuckets) {
  const auto ranges = shape_ranges(text(), {.max_rows = 8, .dims = {{"length", {16, 64, 128}}}});
  ASSERT_TRUE(ranges.ok()) << ranges.status().message();
  EXPECT_EQ(ranges.value()[0], (ShapeRange{{1, 16}, {8, 128}, {8, 128}}));
  EXPECT_EQ(ranges.value()[1], ranges.value()[0]);
  EXPECT_EQ(ranges.value()[2], (ShapeRange{{1}, {1}, {1}}));
}

TEST(ShapeRanges, AFirstDimWithSizesOfItsOwnIsNoBatch) {
  const auto ranges = shape_ranges(image(), {.max_rows = 8, .dims = {{"N", {2, 4}}}});
  ASSERT_TRUE(ranges.ok());
  EXPECT_EQ(ranges.value()[0].least[0], 2);
  EXPECT_EQ(ranges.value()[0].most[0], 4);
}

TEST(DoublingSizes, EndWithTheMost) {
  EXPECT_EQ(doubling_sizes(1), (std::vector<int64_t>{1}));
  EXPECT_EQ(doubling_sizes(8), (std::vector<int64_t>{1, 2, 4, 8}));
  EXPECT_EQ(doubling_sizes(20), (std::vector<int64_t>{1, 2, 4, 8, 16, 20}));
  EXPECT_EQ(doubling_sizes(0), (std::vector<int64_t>{1}));
}

TEST(FixedShapes, AreEveryCombinationOnce) {
  const auto shapes = fixed_shapes(text(), {1, 4}, {.dims = {{"length", {16, 32}}}});
  ASSERT_TRUE(shapes.ok());
  ASSERT_EQ(shapes.value().size(), 4u);
  EXPECT_EQ(shapes.value()[0], (std::vector<Shape>{{1, 16}, {1, 16}, {1}}));
  EXPECT_EQ(shapes.value()[1], (std::vector<Shape>{{1, 32}, {1, 32}, {1}}));
  EXPECT_EQ(shapes.value()[3], (std::vector<Shape>{{4, 32}, {4, 32}, {1}}));
}

TEST(FixedShapes, OfAFixedModelAreOne) {
  ModelSpec spec;
  spec.inputs.push_back(input("x", {1, 3}, {"", ""}));
  const auto shapes = fixed_shapes(spec, {1, 2, 4}, {});
  ASSERT_TRUE(shapes.ok());
  EXPECT_EQ(shapes.value().size(), 1u);
}

TEST(FixedShapes, AreRefusedWhenUnknownOrTooMany) {
  EXPECT_EQ(fixed_shapes(text(), {1}, {}).status().code(), Code::kInvalidArgument);
  std::vector<int64_t> sizes;
  for (int64_t size = 1; size <= 33; ++size) sizes.push_back(size);
  const auto many = fixed_shapes(text(), {1, 2}, {.dims = {{"length", sizes}}});
  ASSERT_FALSE(many.ok());
  EXPECT_NE(many.status().message().find("more than 64 combinations"), std::string::npos);
}

}  // namespace
}  // namespace ortserve
