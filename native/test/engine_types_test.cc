// SPDX-License-Identifier: Apache-2.0
// Values of every type through the engine and back, bit by bit.
#include <random>

#include "engine/ort_value.h"
#include "test/engine_fixture.h"

namespace ortserve {
namespace {

using testing::EngineTest;
using testing::strings_in;
using testing::strings_of;
using testing::tensor_of;
using testing::values_of;

struct Numeric {
  const char* model;
  DType dtype;
};

class EngineNumericTypes : public EngineTest, public ::testing::WithParamInterface<Numeric> {
 protected:
  // Random bits: every NaN payload, denormal and extreme comes by. BOOL only knows two.
  Tensor random_tensor(const Shape& shape) {
    std::mt19937 random(7);
    std::vector<uint8_t> bytes(static_cast<size_t>(*shape.elements()) * dtype_size(GetParam().dtype));
    for (auto& byte : bytes) byte = static_cast<uint8_t>(GetParam().dtype == DType::kBool ? random() % 2 : random());
    return tensor_of(pool_, GetParam().dtype, shape, bytes);
  }
};

TEST_P(EngineNumericTypes, RefusesAnotherType) {
  const auto session = load(GetParam().model);
  const DType other = GetParam().dtype == DType::kFp64 ? DType::kInt64 : DType::kFp64;
  std::vector<Value> outputs;
  const Status status = run(*session, {tensor_of<double>(pool_, other, {1}, {1})}, outputs);
  EXPECT_EQ(status.code(), Code::kInvalidInput);
  EXPECT_TRUE(outputs.empty());
}

TEST_P(EngineNumericTypes, ComesBackBitByBit) {
  const auto session = load(GetParam().model);
  EXPECT_EQ(session->spec().inputs[0].dtype, GetParam().dtype);
  for (int repetition = 0; repetition < 3; ++repetition) {  // ORT's own buffer first, ours from then on
    const Tensor sent = random_tensor({257});
    const Tensor received = run(*session, {sent})[0].tensor;
    EXPECT_EQ(received.dtype, sent.dtype);
    EXPECT_EQ(received.shape, sent.shape);
    EXPECT_EQ(values_of<uint8_t>(received), values_of<uint8_t>(sent));
  }
}

TEST_P(EngineNumericTypes, TakesNoElements) {
  const auto session = load(GetParam().model);
  for (int repetition = 0; repetition < 3; ++repetition) {
    const Tensor received = run(*session, {random_tensor({0})})[0].tensor;
    EXPECT_EQ(received.shape, Shape({0}));
    EXPECT_EQ(received.data.size(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(All, EngineNumericTypes,
                         ::testing::Values(Numeric{"ident_bool", DType::kBool}, Numeric{"ident_uint8", DType::kUint8},
                                           Numeric{"ident_uint16", DType::kUint16},
                                           Numeric{"ident_uint32", DType::kUint32},
                                           Numeric{"ident_uint64", DType::kUint64}, Numeric{"ident_int8", DType::kInt8},
                                           Numeric{"ident_int16", DType::kInt16}, Numeric{"ident_int32", DType::kInt32},
                                           Numeric{"ident_int64", DType::kInt64}, Numeric{"ident_fp16", DType::kFp16},
                                           Numeric{"ident_bf16", DType::kBf16}, Numeric{"ident_fp32", DType::kFp32},
                                           Numeric{"ident_fp64", DType::kFp64}),
                         [](const auto& info) { return std::string(dtype_name(info.param.dtype)); });

class EngineTypes : public EngineTest {};

TEST_F(EngineTypes, RefusesStringsWithoutTheirOffsets) {
  const auto session = load("ident_string");
  Tensor broken = strings_of(pool_, {2}, {"a", "b"});
  broken.offsets.pop_back();
  std::vector<Value> outputs;
  EXPECT_EQ(run(*session, {broken}, outputs).code(), Code::kInvalidInput);
  broken.offsets = {0, 1, 3};  // past the bytes
  EXPECT_EQ(run(*session, {broken}, outputs).code(), Code::kInvalidInput);
  broken.offsets = {0, 2, 1};
  EXPECT_EQ(run(*session, {broken}, outputs).code(), Code::kInvalidInput);
}

TEST_F(EngineTypes, StringsComeBackByteByByte) {
  const auto session = load("ident_string");
  const std::vector<std::string> sent = {"",
                                         "plain",
                                         std::string("nul\0inside", 10),
                                         "zwölf Boxkämpfer 模型",
                                         "\xff\xfe not UTF-8",
                                         std::string(100'000, 'x'),
                                         ""};
  const Tensor received = run(*session, {strings_of(pool_, {7}, sent)})[0].tensor;
  EXPECT_EQ(received.dtype, DType::kString);
  EXPECT_EQ(received.shape, Shape({7}));
  EXPECT_EQ(strings_in(received), sent);
}

TEST_F(EngineTypes, NoStringsAndOnlyEmptyStrings) {
  const auto session = load("ident_string");
  const Tensor none = run(*session, {strings_of(pool_, {0}, {})})[0].tensor;
  EXPECT_EQ(none.shape, Shape({0}));
  EXPECT_EQ(none.offsets, std::vector<uint64_t>{0});
  EXPECT_EQ(strings_in(run(*session, {strings_of(pool_, {2}, {"", ""})})[0].tensor),
            (std::vector<std::string>{"", ""}));
}

TEST_F(EngineTypes, NumbersAndStringsTogether) {
  const auto session = load("two_inputs_mixed");
  const auto outputs = run(*session, {tensor_of<float>(pool_, DType::kFp32, {2, 3}, {1, 2, 3, 4, 5, 6}),
                                      strings_of(pool_, {2, 1}, {"one", "two"})});
  EXPECT_EQ(values_of<float>(outputs[0].tensor), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(strings_in(outputs[1].tensor), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(outputs[1].tensor.shape, Shape({2, 1}));
}

TEST_F(EngineTypes, AScalar) {
  const auto session = load("scalar_fp32");
  for (const float number : {1.5f, -0.0f, 3e38f}) {
    const Tensor received = run(*session, {tensor_of<float>(pool_, DType::kFp32, {}, {number})})[0].tensor;
    EXPECT_EQ(received.shape, Shape{});
    EXPECT_EQ(values_of<float>(received), std::vector<float>{number});
  }
}

TEST_F(EngineTypes, ASequenceOfMapsWithStringKeys) {
  const Tensor x = tensor_of<float>(pool_, DType::kFp32, {2, 4}, {1, 2, 3, 4, 4, 3, 2, 1});
  const auto expected = values_of<float>(run(*load("mlp_tiny"), {x})[0].tensor);
  const auto outputs = run(*load("zipmap"), {x});
  EXPECT_EQ(outputs[0].tensor.dtype, DType::kInt64);
  EXPECT_EQ(outputs[0].tensor.shape, Shape({2}));
  ASSERT_EQ(outputs[1].kind, Value::Kind::kSequence);
  ASSERT_EQ(outputs[1].items.size(), 2u);
  for (size_t row = 0; row < 2; ++row) {
    const Value& map = outputs[1].items[row];
    ASSERT_EQ(map.kind, Value::Kind::kMap);
    EXPECT_EQ(strings_in(*map.keys), (std::vector<std::string>{"ant", "bee", "cat"}));
    EXPECT_EQ(map.tensor.shape, Shape({3}));
    EXPECT_EQ(values_of<float>(map.tensor), std::vector<float>(&expected[row * 3], &expected[row * 3] + 3));
  }
}

TEST_F(EngineTypes, MapsOfASequenceShareTheirKeysAndTheMemoryOfTheirValues) {
  const Tensor x = tensor_of<float>(pool_, DType::kFp32, {300, 4}, std::vector<float>(1200, 1));
  const uint64_t before = pool_.stats().live_bytes;
  const auto outputs = run(*load("zipmap"), {x});
  const auto& rows = outputs[1].items;
  ASSERT_EQ(rows.size(), 300u);
  for (size_t i = 1; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].keys, rows[0].keys);
    EXPECT_EQ(rows[i].tensor.data.data(), rows[i - 1].tensor.data.data() + 16);
    EXPECT_EQ(values_of<float>(rows[i].tensor), values_of<float>(rows[0].tensor));
  }
  EXPECT_LE(pool_.stats().live_bytes - before, 300u * 40);
}

TEST_F(EngineTypes, ASequenceIsReadUntilItsRunIsStopped) {
  load("zipmap");  // starts the engine
  std::vector<Ort::Value> maps;
  for (int row = 0; row < 3; ++row) {
    const int64_t dims = 1;
    auto keys = Ort::Value::CreateTensor<int64_t>(Ort::AllocatorWithDefaultOptions(), &dims, 1);
    auto values = Ort::Value::CreateTensor<float>(Ort::AllocatorWithDefaultOptions(), &dims, 1);
    *keys.GetTensorMutableData<int64_t>() = row / 2;
    *values.GetTensorMutableData<float>() = static_cast<float>(row);
    maps.push_back(Ort::Value::CreateMap(keys, values));
  }
  Value value;
  std::atomic<bool> stop{true};
  EXPECT_EQ(take_from_ort(Ort::Value::CreateSequence(maps), pool_, {}, stop, value).code(), Code::kCancelled);
  value = {};
  stop = false;
  ASSERT_TRUE(take_from_ort(Ort::Value::CreateSequence(maps), pool_, {}, stop, value).ok());
  ASSERT_EQ(value.items.size(), 3u);
  EXPECT_EQ(value.items[0].keys, value.items[1].keys);
  EXPECT_EQ(values_of<int64_t>(*value.items[2].keys), (std::vector<int64_t>{1}));
  for (size_t row = 0; row < 3; ++row) {
    EXPECT_EQ(values_of<float>(value.items[row].tensor), (std::vector<float>{static_cast<float>(row)}));
  }
}

TEST_F(EngineTypes, ASequenceOfMapsWithIntegerKeys) {
  const Tensor x = tensor_of<float>(pool_, DType::kFp32, {1, 4}, {1, 2, 3, 4});
  const auto outputs = run(*load("zipmap_int"), {x});
  ASSERT_EQ(outputs[1].items.size(), 1u);
  EXPECT_EQ(values_of<int64_t>(*outputs[1].items[0].keys), (std::vector<int64_t>{7, 8, 9}));
  EXPECT_EQ(values_of<float>(outputs[1].items[0].tensor), values_of<float>(run(*load("mlp_tiny"), {x})[0].tensor));
}

TEST_F(EngineTypes, ASequenceOfTensors) {
  const Tensor x = tensor_of<float>(pool_, DType::kFp32, {1, 4}, {1, 2, 3, 4});
  const auto outputs = run(*load("seq_tensor"), {x});
  ASSERT_EQ(outputs[0].kind, Value::Kind::kSequence);
  ASSERT_EQ(outputs[0].items.size(), 2u);
  EXPECT_EQ(outputs[0].items[1].tensor.shape, Shape({1, 4}));
  EXPECT_EQ(values_of<float>(outputs[0].items[0].tensor), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(values_of<float>(outputs[0].items[1].tensor), (std::vector<float>{2, 4, 6, 8}));
}

}  // namespace
}  // namespace ortserve
