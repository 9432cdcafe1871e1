// SPDX-License-Identifier: Apache-2.0
// The generate extension: scalars and flat lists, parameters beside them.
#include "test/codec_fixture.h"

namespace ortserve {
namespace {

class CodecGenerate : public CodecTest {
 protected:
  CodecGenerate() { format = WireFormat::kGenerate; }
};

ModelSpec batched(DType dtype, Shape dims) {
  ModelSpec spec = batched_model("x", dtype, dims);
  spec.outputs = {output_spec("y", dtype, dims)};
  return spec;
}

TEST_F(CodecGenerate, RefusesWhatDoesNotFit) {
  const auto four = batched(DType::kFp32, {-1, 4});
  EXPECT_FAILS(decode(four, "[]"), Code::kInvalidJson, "expected a JSON object");
  EXPECT_FAILS(decode(four, "{}"), Code::kInvalidInput, "missing input 'x' for model 'm'");
  EXPECT_FAILS(decode(four, R"({"x":[1,2,3]})"), Code::kInvalidInput, "expected 4 elements for input 'x' [1,4], got 3");
  EXPECT_FAILS(decode(four, R"({"x":1})"), Code::kInvalidInput, "got 1");
  EXPECT_FAILS(decode(four, R"({"x":["a","b","c","d"]})"), Code::kInvalidInput, "x");
  EXPECT_FAILS(decode(four, R"({"x":[1,2,3,4],"x":[1,2,3,4]})"), Code::kInvalidInput, "already exists");
  EXPECT_FAILS(decode(four, R"({"x":[1,2,3,4],"id":7})"), Code::kInvalidJson, "Unable to parse 'id'");
  EXPECT_FAILS(decode(four, R"({"x":[1,2,3,4],"triton_x":1})"), Code::kInvalidInput, "reserved");
  EXPECT_FAILS(decode(four, R"({"x":[1,2,3,4],"other":[1]})"), Code::kInvalidInput, "'other' has invalid type");
  EXPECT_FAILS(decode(four, R"({"x":[1,2,3,4],"parameters":{"p":{}}})"), Code::kInvalidInput, "'p' has invalid type");
  EXPECT_FAILS(decode(four, R"({"x":[1,2,3,4]} 1)"), Code::kInvalidJson, "");
  EXPECT_FAILS(decode(batched(DType::kFp32, {-1, -1, -1}), R"({"x":[1,2]})"), Code::kInvalidInput,
               "more than one variable-sized dimension");
  EXPECT_FAILS(decode(batched(DType::kFp32, {-1, 3, -1}), R"({"x":[1,2]})"), Code::kInvalidInput, "a multiple of 3");
}

TEST_F(CodecGenerate, DeducesShapesWithoutABatch) {
  const auto text = batched(DType::kString, {-1, 1});
  ASSERT_OK(decode(text, R"({"id":"7","x":"hello","stream":false,"parameters":{"temperature":0.5}})"));
  EXPECT_EQ(request.id, "7");
  EXPECT_EQ(request.inputs[0].shape, (Shape{1, 1}));
  EXPECT_EQ(request.inputs[0].string_at(0), "hello");
  ASSERT_OK(decode(batched(DType::kInt32, {-1, -1}), R"({"x":[1,2,3]})"));
  EXPECT_EQ(request.inputs[0].shape, (Shape{1, 3}));
  EXPECT_EQ(request.rows, 1);
  ASSERT_OK(decode(batched(DType::kInt32, {-1, 2, -1}), R"({"parameters":{"x":[[1,2],[3,4]],"priority":2}})"));
  EXPECT_EQ(request.inputs[0].shape, (Shape{1, 2, 2}));
  EXPECT_EQ(request.priority, 2u);
  ASSERT_OK(decode(identity_model(DType::kFp32), R"({"IN":[]})"));
  EXPECT_EQ(request.inputs[0].shape, (Shape{0}));
}

TEST_F(CodecGenerate, WritesAScalarForOneElementAndAListForMore) {
  ModelSpec spec = batched(DType::kFp32, {-1, -1});
  ASSERT_OK(decode(spec, R"({"x":1})"));
  EXPECT_EQ(encode(spec, {tensor<float>(DType::kFp32, {1, 1}, {0.5f})}),
            R"({"model_name":"m","model_version":"3","y":0.5})");
  ASSERT_OK(decode(spec, R"({"x":1,"id":"a"})"));
  EXPECT_EQ(encode(spec, {tensor<float>(DType::kFp32, {1, 2}, {0.5f, 1})}),
            R"({"model_name":"m","model_version":"3","id":"a","y":[0.5,1]})");
  ASSERT_OK(decode(spec, R"({"x":1})"));
  EXPECT_EQ(encode(spec, {tensor<float>(DType::kFp32, {1, 0}, {})}),
            R"({"model_name":"m","model_version":"3","y":[]})");
}

TEST_F(CodecGenerate, EveryFormatTellsTimesWhenAsked) {
  const ModelSpec spec = batched(DType::kFp32, {-1, 1});
  const std::string times = R"({"batch_size":4,"queue_us":120,"compute_us":800})";
  const struct {
    WireFormat format;
    std::string asked;
    std::string told;
  } cases[] = {
      {WireFormat::kGenerate, R"({"x":1,"timing":true})", R"("parameters":)" + times},
      {WireFormat::kPredict, R"({"instances":[[1]],"parameters":{"timing":true}})", R"("timing":)" + times},
      {WireFormat::kOpenInference,
       R"({"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[1]}],"parameters":{"timing":true}})",
       R"("parameters":)" + times + R"(,"outputs")"},
  };
  for (const auto& c : cases) {
    format = c.format;
    ASSERT_OK(decode(spec, c.asked));
    request.batch_rows = 4;
    request.timings.queued = TimePoint(std::chrono::seconds(1));
    request.timings.started = request.timings.queued + std::chrono::microseconds(120);
    request.timings.computed = request.timings.started + std::chrono::microseconds(800);
    const std::string reply_text = encode(spec, {tensor<float>(DType::kFp32, {1, 1}, {0.5f})});
    EXPECT_NE(reply_text.find(c.told), std::string::npos) << reply_text;
  }
  format = WireFormat::kGenerate;
  EXPECT_FAILS(decode(spec, R"({"x":1,"timing":1})"), Code::kInvalidJson, "timing");
}

}  // namespace
}  // namespace ortserve
