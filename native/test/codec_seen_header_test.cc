// SPDX-License-Identifier: Apache-2.0
// Binary Open Inference requests whose JSON is that of the request before.
#include "core/codec/seen_header.h"

#include <numeric>

#include "test/codec_fixture.h"

namespace ortserve {
namespace {

class CodecSeenHeader : public CodecTest {
 protected:
  CodecSeenHeader() {
    format = WireFormat::kOpenInference;
    seen = &header;
  }

  // Two inputs in another order than the model's, and `rest` behind them.
  static std::string two(const std::string& rest, int rows = 1) {
    const auto input = [rows](const char* name) {
      return std::string(R"({"name":")") + name + R"(","shape":[)" + std::to_string(rows) +
             R"(,16],"datatype":"INT32","parameters":{"binary_data_size":)" + std::to_string(rows * 64) + "}}";
    };
    return R"({"inputs":[)" + input("INPUT1") + "," + input("INPUT0") + "]" + rest + "}";
  }
  static std::string blobs(int32_t first) {
    std::vector<int32_t> all(32);
    std::iota(all.begin(), all.end(), first);
    return {reinterpret_cast<const char*>(all.data()), all.size() * sizeof(int32_t)};
  }
  // Decodes `json` until it is known; whether that is ever.
  bool becomes_known(const ModelSpec& spec, const std::string& json, const std::string& blob) {
    for (int i = 0; i < 3; ++i) EXPECT_OK(decode(spec, json, blob));
    return knows(spec, json, blob);
  }
  bool knows(const ModelSpec& spec, const std::string& json, const std::string& blob) {
    auto body = BodyBuffer::create(pool, json.size() + blob.size(), json.size(), 1u << 30);
    EXPECT_OK(body->append(std::as_bytes(std::span(json))));
    EXPECT_OK(body->append(std::as_bytes(std::span(blob))));
    WireRequest out;
    out.inputs.resize(spec.inputs.size());
    out.present.assign(spec.inputs.size(), false);
    return header.fill(json, {spec, limits, pool, nullptr, &header}, body->take(), out);
  }

  SeenHeader header;
};

TEST_F(CodecSeenHeader, GivesWhatReadingGives) {
  const std::string json = two(
      R"(,"outputs":[{"name":"OUTPUT1","parameters":{"binary_data":true}},{"name":"OUTPUT0"}],"parameters":{"priority":2,"timeout":5000,"timing":true})");
  for (int i = 0; i < 5; ++i) {
    SCOPED_TRACE(i);
    ASSERT_TRUE(decode(simple_model(), json, blobs(100 * i)).ok());
    EXPECT_EQ(values<int32_t>(1)[0], 100 * i);
    EXPECT_EQ(values<int32_t>(0)[15], 100 * i + 31);
    EXPECT_EQ(request.wanted, (std::vector<uint16_t>{1, 0}));
    EXPECT_EQ(request.binary, (std::vector<bool>{true, false}));
    EXPECT_EQ(request.rows, 1);
    EXPECT_EQ(request.input_bytes, 128u);
    EXPECT_EQ(request.shape_key, shape_key_of(request, true));
    EXPECT_EQ(request.priority, 2u);
    EXPECT_EQ(request.queue_timeout, std::chrono::microseconds(5000));
    EXPECT_TRUE(request.timing);
    EXPECT_GE(request.copied.in, 128u);
  }
  EXPECT_TRUE(knows(simple_model(), json, blobs(0)));
}

TEST_F(CodecSeenHeader, TellsOneHeaderFromAnother) {
  const std::string one = two(""), binary = two(R"(,"parameters":{"binary_data_output":true})"), rows = two("", 2);
  ASSERT_TRUE(becomes_known(simple_model(), one, blobs(0)));
  ASSERT_TRUE(decode(simple_model(), binary, blobs(1)).ok());
  EXPECT_EQ(request.binary, (std::vector<bool>{true, true}));
  ASSERT_TRUE(decode(simple_model(), rows, blobs(2) + blobs(34)).ok());
  EXPECT_EQ(request.rows, 2);
  EXPECT_EQ(values<int32_t>(0)[0], 34);
  ASSERT_TRUE(decode(simple_model(), one, blobs(3)).ok());
  EXPECT_EQ(request.binary, (std::vector<bool>{false, false}));
  EXPECT_EQ(values<int32_t>(1)[0], 3);
  EXPECT_TRUE(knows(simple_model(), one, blobs(0))) << "headers that take turns displace none";
}

TEST_F(CodecSeenHeader, LeavesFaultsToTheReader) {
  const std::string json = two("");
  ASSERT_TRUE(becomes_known(simple_model(), json, blobs(0)));
  EXPECT_FAILS(decode(simple_model(), json, blobs(0) + "x"), Code::kInvalidInput, "unexpected additional input data");
  EXPECT_FAILS(decode(simple_model(), json, blobs(0).substr(1)), Code::kInvalidInput, "additional bytes");
  const ModelSpec text = identity_model(DType::kString);
  const std::string strings =
      R"({"inputs":[{"name":"IN","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":11}}]})";
  ASSERT_TRUE(becomes_known(text, strings, bytes_blob({"ab", "c"})));
  ASSERT_TRUE(decode(text, strings, bytes_blob({"", "abc"})).ok());
  EXPECT_EQ(request.inputs[0].string_at(1), "abc");
  EXPECT_FAILS(decode(text, strings, bytes_blob({"abcdefg"})), Code::kInvalidInput, "expected 2 string elements");
  EXPECT_FALSE(request.inputs[0].data.pool());
}

TEST_F(CodecSeenHeader, LearnsNothingThatBelongsToOneRequest) {
  const std::string id = two(R"(,"id":"7")");
  EXPECT_FALSE(becomes_known(simple_model(), id, blobs(0)));
  EXPECT_EQ(request.id, "7");
  const std::string classes = two(R"(,"outputs":[{"name":"OUTPUT0","parameters":{"classification":2}}])");
  EXPECT_FALSE(becomes_known(simple_model(), classes, blobs(0)));
  EXPECT_EQ(request.special.size(), 1u);
  const std::string mixed =
      R"({"inputs":[{"name":"INPUT0","shape":[1,16],"datatype":"INT32","parameters":{"binary_data_size":64}},)"
      R"({"name":"INPUT1","shape":[1,16],"datatype":"INT32","data":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]}]})";
  EXPECT_FALSE(becomes_known(simple_model(), mixed, blobs(0).substr(64)));
  EXPECT_FALSE(becomes_known(simple_model(), two("," + std::string(5000, ' ') + R"("x":1)"), blobs(0)));
}

}  // namespace
}  // namespace ortserve
