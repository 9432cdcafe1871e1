// SPDX-License-Identifier: Apache-2.0
// The quantization kernels against ONNX Runtime's own operators, bit by bit.
#include "core/transform/convert.h"
#include "engine_fixture.h"
#include "onnx_writer.h"
#include "transform_fixture.h"

namespace ortserve {
namespace {

using testing::Generator;
using testing::TemporaryFolder;
using testing::tensor_of;
namespace onnx = testing::onnx;

constexpr int kFloat = 1, kUint8 = 2, kInt8 = 3;  // TensorProto.DataType

// One QuantizeLinear or DequantizeLinear whose scale and zero point are inputs.
std::string operator_model(const char* op, int from, int to, int integer, bool channels) {
  const std::vector<onnx::Dim> scalars = channels ? std::vector<onnx::Dim>{"c"} : std::vector<onnx::Dim>{};
  const std::vector<onnx::Dim> rows = {"n", "c"};
  return onnx::model(
      {onnx::node(op, {"x", "scale", "zero"}, {"y"}, onnx::int_attribute("axis", 1))},
      {onnx::value("x", onnx::tensor_type(from, rows)), onnx::value("scale", onnx::tensor_type(kFloat, scalars)),
       onnx::value("zero", onnx::tensor_type(integer, scalars))},
      {onnx::value("y", onnx::tensor_type(to, rows))});
}

class QuantizeLikeOnnxRuntime : public ::testing::TestWithParam<bool> {
 protected:
  QuantizeLikeOnnxRuntime() { EXPECT_TRUE(start_engine(testing::library_path()).ok()); }

  std::vector<std::byte> run(const std::string& model, const std::vector<Tensor>& inputs) {
    const SessionConfig config{.model_path = folder_.write("op.onnx", model)};
    auto session = load_session(config, pool_);
    EXPECT_TRUE(session.ok()) << session.status().message();
    std::vector<Value> outputs;
    const Status status = (*session)->run(inputs, {true, true, true}, std::vector<uint16_t>{0}, outputs, nullptr);
    EXPECT_TRUE(status.ok()) << status.message();
    const Buffer& data = outputs.at(0).tensor.data;
    return {data.data(), data.data() + data.size()};
  }

  TemporaryFolder folder_;
  BufferPool pool_{{}};
};

TEST_P(QuantizeLikeOnnxRuntime, BothWaysForBothTypes) {
  const bool by_channel = GetParam();
  Generator random(41);
  for (const DType dtype : {DType::kUint8, DType::kInt8}) {
    const int integer = dtype == DType::kUint8 ? kUint8 : kInt8;
    const int64_t rows = 37, columns = 29;
    const int64_t scales = by_channel ? columns : 1;
    std::vector<float> scale(static_cast<size_t>(scales));
    std::vector<int32_t> zero_point(scale.size());
    for (float& value : scale) value = random.uniform(0.01f, 2);
    for (int32_t& value : zero_point) {
      value = static_cast<int32_t>(random.size(0, 255)) - (dtype == DType::kInt8 ? 128 : 0);
    }
    std::vector<float> values = random.floats(static_cast<size_t>(rows * columns));
    for (size_t i = 0; i < values.size(); i += 3)
      values[i] = (static_cast<float>(i % 511) - 255.5f) * scale[0];  // ties
    const Shape scalars = by_channel ? Shape{columns} : Shape{};
    const auto x = tensor_of(pool_, DType::kFp32, {rows, columns}, values);
    const auto s = tensor_of(pool_, DType::kFp32, scalars, scale);
    const auto z = tensor_of(pool_, dtype, scalars, std::vector<uint8_t>(zero_point.begin(), zero_point.end()));

    const auto expected = run(operator_model("QuantizeLinear", kFloat, integer, integer, by_channel), {x, s, z});
    for (const Kernels* set : usable_kernels()) {
      std::vector<uint8_t> got(values.size());
      quantize(dtype, values.data(), got.data(), values.size(), {scale, zero_point}, *set);
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(got[i], static_cast<uint8_t>(expected.at(i)))
            << set->name << " " << dtype_name(dtype) << " of " << values[i] << " / " << scale[i % scale.size()];
      }
    }

    const auto q = tensor_of(pool_, dtype, {rows, columns}, random.bits<uint8_t>(values.size()));
    const auto floats = run(operator_model("DequantizeLinear", integer, kFloat, integer, by_channel), {q, s, z});
    for (const Kernels* set : usable_kernels()) {
      std::vector<float> got(values.size());
      dequantize(dtype, q.data.data(), got.data(), values.size(), {scale, zero_point}, *set);
      ASSERT_EQ(std::memcmp(got.data(), floats.data(), floats.size()), 0) << set->name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Scales, QuantizeLikeOnnxRuntime, ::testing::Bool());

}  // namespace
}  // namespace ortserve
