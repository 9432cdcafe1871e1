// SPDX-License-Identifier: Apache-2.0
#include "engine/output_shape.h"

#include <gtest/gtest.h>

namespace ortserve {
namespace {

InputSpec input(Shape dims, std::vector<std::string> names) {
  InputSpec spec;
  spec.name = "in";
  spec.dims = dims;
  spec.dim_names = std::move(names);
  return spec;
}

OutputSpec output(Shape dims, std::vector<std::string> names) {
  OutputSpec spec;
  spec.name = "out";
  spec.dims = dims;
  spec.dim_names = std::move(names);
  return spec;
}

Tensor of_shape(Shape shape) {
  Tensor tensor;
  tensor.shape = shape;
  return tensor;
}

const ModelSpec& two_inputs() {
  static const ModelSpec& spec =
      *new ModelSpec{.inputs = {input({4}, {""}), input({-1, 2}, {"m", ""}), input({-1, 2}, {"n", ""})}};
  return spec;
}

TEST(OutputShapeRule, NoneForADynamicInnerDim) {
  OutputShapeRule rule(two_inputs(), output({-1, -1}, {"n", "k"}));
  const std::vector<Tensor> inputs = {of_shape({4}), of_shape({3, 2}), of_shape({5, 2})};
  rule.observe(inputs, {5, 7});
  EXPECT_FALSE(rule.trusted_shape(inputs));
}

TEST(OutputShapeRule, NoneForADimNoInputHas) {
  OutputShapeRule rule(two_inputs(), output({-1, 2}, {"found", ""}));
  const std::vector<Tensor> inputs = {of_shape({4}), of_shape({3, 2}), of_shape({5, 2})};
  rule.observe(inputs, {5, 2});
  EXPECT_FALSE(rule.trusted_shape(inputs));
}

TEST(OutputShapeRule, NoneForStringsAndSequences) {
  OutputSpec text = output({-1}, {"n"});
  text.dtype = DType::kString;
  OutputSpec sequence = output({}, {});
  sequence.kind = Value::Kind::kSequence;
  const std::vector<Tensor> inputs = {of_shape({4}), of_shape({3, 2}), of_shape({5, 2})};
  for (const OutputSpec& spec : {text, sequence}) {
    OutputShapeRule rule(two_inputs(), spec);
    rule.observe(inputs, spec.dims.rank() ? Shape{5} : Shape{});
    EXPECT_FALSE(rule.trusted_shape(inputs));
  }
}

TEST(OutputShapeRule, TrustsOnlyAfterARunAgreed) {
  OutputShapeRule rule(two_inputs(), output({-1, 9}, {"n", ""}));
  const std::vector<Tensor> inputs = {of_shape({4}), of_shape({3, 2}), of_shape({5, 2})};
  EXPECT_FALSE(rule.trusted_shape(inputs));
  rule.observe(inputs, {5, 9});
  EXPECT_EQ(rule.trusted_shape(inputs), Shape({5, 9}));
  const std::vector<Tensor> larger = {of_shape({4}), of_shape({3, 2}), of_shape({8, 2})};
  EXPECT_EQ(rule.trusted_shape(larger), Shape({8, 9}));
}

TEST(OutputShapeRule, NeverTrustsAnInputThatIsAnOutputToo) {
  OutputSpec passed_on = output({2, 3}, {"", ""});
  passed_on.name = "in";
  OutputShapeRule rule(two_inputs(), passed_on);
  const std::vector<Tensor> inputs = {of_shape({4}), of_shape({3, 2}), of_shape({5, 2})};
  rule.observe(inputs, {2, 3});
  EXPECT_FALSE(rule.trusted_shape(inputs));
}

TEST(OutputShapeRule, NeverTrustsAgain) {
  const std::vector<Tensor> inputs = {of_shape({4}), of_shape({3, 2}), of_shape({5, 2})};
  OutputShapeRule wrong(two_inputs(), output({-1, 9}, {"n", ""}));
  wrong.observe(inputs, {4, 9});
  wrong.observe(inputs, {5, 9});
  EXPECT_FALSE(wrong.trusted_shape(inputs));
  OutputShapeRule refuted(two_inputs(), output({-1, 9}, {"n", ""}));
  refuted.observe(inputs, {5, 9});
  refuted.refute();
  refuted.observe(inputs, {5, 9});
  EXPECT_FALSE(refuted.trusted_shape(inputs));
}

TEST(OutputShapeRule, AFixedShapeNeedsNoInput) {
  OutputShapeRule rule(two_inputs(), output({2, 3}, {"", ""}));
  const std::vector<Tensor> inputs = {of_shape({4}), of_shape({3, 2}), of_shape({5, 2})};
  rule.observe(inputs, {2, 3});
  EXPECT_EQ(rule.trusted_shape(inputs), Shape({2, 3}));
}

}  // namespace
}  // namespace ortserve
