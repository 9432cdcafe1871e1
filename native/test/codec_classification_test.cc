// SPDX-License-Identifier: Apache-2.0
// The classification extension: refusals, ranks, labels, rows.
#include <cmath>
#include <limits>

#include "core/codec/classification.h"
#include "test/codec_fixture.h"

namespace ortserve {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class CodecClassification : public CodecTest {
 protected:
  CodecClassification() { format = WireFormat::kOpenInference; }

  static std::string asking(const std::string& parameters, const std::string& datatype = "FP32") {
    return R"({"inputs":[{"name":"IN","shape":[1],"datatype":")" + datatype +
           R"(","data":[1]}],"outputs":[{"name":"OUT","parameters":)" + parameters + "}]}";
  }
  template <typename T>
  std::vector<std::string> best(DType dtype, Shape shape, const std::vector<T>& scores, uint32_t count, bool by_row,
                                const std::vector<std::string>& labels = {}) {
    const Tensor classes = classify(tensor<T>(dtype, shape, scores).tensor, count, by_row, labels);
    EXPECT_EQ(classes.dtype, DType::kString);
    last_shape = classes.shape;
    std::vector<std::string> strings;
    for (int64_t i = 0; i < classes.elements(); ++i) strings.emplace_back(classes.string_at(i));
    return strings;
  }
  Shape last_shape;
};

using Strings = std::vector<std::string>;

TEST_F(CodecClassification, RefusesWhatCannotBeRanked) {
  const auto fp32 = identity_model(DType::kFp32);
  EXPECT_FAILS(decode(fp32, asking(R"({"classification":-1})")), Code::kInvalidJson, "classification");
  EXPECT_FAILS(decode(fp32, asking(R"({"classification":"2"})")), Code::kInvalidJson, "classification");
  EXPECT_FAILS(decode(fp32, asking(R"({"classification":2,"shared_memory_region":"r","shared_memory_byte_size":8})")),
               Code::kInvalidInput, "expected one or the other");
  for (const DType dtype : {DType::kFp16, DType::kBf16, DType::kBool, DType::kString}) {
    OutputSpec output = output_spec("OUT", dtype, {-1});
    EXPECT_FAILS(check_classification(output), Code::kInvalidInput,
                 ("unsupported type '" + std::string(dtype_name(dtype)) + "'").c_str());
  }
  OutputSpec map = output_spec("OUT", DType::kFp32, {});
  map.kind = Value::Kind::kMap;
  EXPECT_FAILS(check_classification(map), Code::kInvalidInput, "unsupported type 'map'");
}

TEST_F(CodecClassification, RanksFromTheLargestWithSixDecimals) {
  EXPECT_EQ(best<float>(DType::kFp32, {4}, {1.1f, 3.3f, 0.5f, 2.4f}, 2, false), (Strings{"3.300000:1", "2.400000:3"}));
  EXPECT_EQ(last_shape, (Shape{2}));
  EXPECT_EQ(best<double>(DType::kFp64, {1}, {1e300}, 1, false)[0].size(), 301u + 7 + 2);
  EXPECT_EQ(best<int64_t>(DType::kInt64, {3}, {INT64_MIN, 5, INT64_MAX}, 9, false),
            (Strings{"9223372036854775807:2", "5:1", "-9223372036854775808:0"}));
  EXPECT_EQ(best<uint8_t>(DType::kUint8, {2}, {255, 0}, 1, false), (Strings{"255:0"}));
}

TEST_F(CodecClassification, TiesKeepTheirOrderAndNaNComesLast) {
  EXPECT_EQ(best<float>(DType::kFp32, {5}, {kNaN, 2, 1, 2, kNaN}, 5, false),
            (Strings{"2.000000:1", "2.000000:3", "1.000000:2", "nan:0", "nan:4"}));
}

TEST_F(CodecClassification, RanksEachRowAndNamesClasses) {
  const std::vector<float> scores = {1, 2, 3, 6, 5, 4};
  EXPECT_EQ(best<float>(DType::kFp32, {2, 3}, scores, 2, true, {"a", "b", "c"}),
            (Strings{"3.000000:2:c", "2.000000:1:b", "6.000000:0:a", "5.000000:1:b"}));
  EXPECT_EQ(last_shape, (Shape{2, 2}));
  EXPECT_EQ(best<float>(DType::kFp32, {2, 3}, scores, 1, true, {"a", "b"}), (Strings{"3.000000:2", "6.000000:0"}));
  EXPECT_EQ(best<float>(DType::kFp32, {2, 0}, {}, 3, true), Strings{});
  EXPECT_EQ(last_shape, (Shape{2, 0}));
  EXPECT_EQ(best<float>(DType::kFp32, {}, {7}, 3, true), (Strings{"7.000000:0"}));
}

TEST_F(CodecClassification, ReplacesTheOutputInJsonAndAsABlob) {
  ModelSpec spec = identity_model(DType::kFp32);
  spec.labels = {"x", "y", "z", "w"};
  ASSERT_OK(decode(spec, asking(R"({"classification":2})")));
  const Value scores = tensor<float>(DType::kFp32, {4}, {1.1f, 3.3f, 0.5f, 2.4f});
  EXPECT_EQ(encode(spec, {scores}),
            R"({"model_name":"ident_FP32","model_version":"1","outputs":[{"name":"OUT","datatype":"BYTES","shape":[2],)"
            R"("data":["3.300000:1:y","2.400000:3:w"]}]})");
  ASSERT_OK(decode(spec, asking(R"({"classification":1,"binary_data":true})")));
  const std::string blob = encode(spec, {scores}).substr(reply.json_size);
  EXPECT_EQ(blob, std::string("\x0c\0\0\0", 4) + "3.300000:1:y");
  ASSERT_OK(decode(spec, asking(R"({"classification":0})")));
  EXPECT_NE(encode(spec, {scores}).find(R"("data":[1.1,3.3,0.5,2.4])"), std::string::npos);
}

}  // namespace
}  // namespace ortserve
