// SPDX-License-Identifier: Apache-2.0
// TensorFlow Serving's form of requests and replies.
#include <cmath>
#include <limits>

#include "core/codec/base64.h"
#include "test/codec_fixture.h"

namespace ortserve {
namespace {

class CodecTfServing : public CodecTest {
 protected:
  CodecTfServing() { format = WireFormat::kTfServing; }

  Status refusal(const ModelSpec& spec, std::vector<Value> outputs) {
    request.outputs = std::move(outputs);
    auto encoded = encode_reply(spec, request, arena);
    return encoded.ok() ? Status() : encoded.status();
  }
};

std::string decoded(std::string_view text) {
  std::string bytes(base64_decoded_bound(text.size()), '?');
  const char* end = base64_decode(text, bytes.data());
  return end ? bytes.substr(0, static_cast<size_t>(end - bytes.data())) : "not base64";
}

std::string encoded(std::string_view bytes) {
  std::string text(base64_encoded_size(bytes.size()), '?');
  EXPECT_EQ(base64_encode(bytes, text.data()), text.data() + text.size());
  return text;
}

ModelSpec text_model(const char* output) {
  ModelSpec spec = batched_model("s", DType::kString, {-1});
  spec.outputs = {output_spec(output, DType::kString, {-1})};
  return spec;
}

TEST_F(CodecTfServing, RefusesWhatIsNotBase64) {
  for (const char* text : {"A", "A===", "AB=", "AB=C", "Zm9v!", "Zm 9v", "Zm-_", "Zh==", "Zh", "====", "=", "Zm9vA"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(decoded(text), "not base64");
  }
}

// The vectors of RFC 4648.
TEST_F(CodecTfServing, ReadsAndWritesBase64) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(encoded(bytes), text);
    EXPECT_EQ(decoded(text), bytes);
    EXPECT_EQ(decoded(text.substr(0, text.find('='))), bytes);
  }
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(decoded(encoded(all)), all);
}

TEST_F(CodecTfServing, RefusesRequestsThatDoNotFit) {
  struct Refusal {
    const char* body;
    Code code;
    const char* message;
  };
  const Refusal cases[] = {
      {R"({})", Code::kInvalidInput, "Missing 'inputs' or 'instances' key"},
      {R"({"INPUT0":[1],"INPUT1":[1]})", Code::kInvalidInput, "Missing 'inputs' or 'instances' key"},
      {R"({"instances":[],"inputs":{}})", Code::kInvalidInput, "at least one instance"},
      {R"({"inputs":{"INPUT0":[],"INPUT1":[]},"instances":[]})", Code::kInvalidInput, "expecting only one of"},
      {R"({"instances":{}})", Code::kInvalidInput, "expected an array of instances"},
      {R"({"instances":[[1]]})", Code::kInvalidInput, "has 2 inputs"},
      {R"({"signature_name":"other","instances":[]})", Code::kInvalidInput,
       "expected signature_name 'serving_default'"},
      {R"({"signature_name":7})", Code::kInvalidInput, "expected signature_name 'serving_default', got"},
      {R"({"instances":[{"INPUT0":[1],"INPUT1":[1]},{"INPUT0":[1,2],"INPUT1":[1]}]})", Code::kInvalidInput, "ragged"},
      {R"({"instances":[{"INPUT0":[1]}]})", Code::kInvalidInput, "missing input 'INPUT1'"},
      {R"({"other":[1)", Code::kInvalidJson, "JSON"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_FAILS(decode(simple_model(), c.body), c.code, c.message);
  }
}

TEST_F(CodecTfServing, RefusesWrongBytes) {
  EXPECT_FAILS(decode(text_model("y"), R"({"instances":[{"b64":"!"}]})"), Code::kInvalidInput,
               "expected base64 (RFC 4648, standard alphabet) in {\"b64\": ...} for input 's', got '!'");
  EXPECT_FAILS(decode(text_model("y"), R"({"instances":["a",{"b65":"Zg=="}]})"), Code::kInvalidInput, "got an object");
  EXPECT_FAILS(decode(text_model("y"), R"({"instances":["a",{"b64":7}]})"), Code::kInvalidInput, "got an object");
  EXPECT_FAILS(decode(text_model("y"), R"({"instances":["a",{"b64":"Zg==","x":1}]})"), Code::kInvalidInput,
               "an object");
  EXPECT_FAILS(decode(batched_model("x", DType::kFp32, {-1}), R"({"instances":[1,{"b64":"Zg=="}]})"),
               Code::kInvalidInput, "an object");
}

TEST_F(CodecTfServing, IgnoresOtherMembers) {
  EXPECT_OK(decode(text_model("y"), R"({"signature_name":"","id":7,"outputs":{"a":[1,{}]},"instances":["a"]})"));
  EXPECT_OK(decode(text_model("y"), R"({"signature_name":"serving_default","parameters":null,"inputs":["a"]})"));
}

TEST_F(CodecTfServing, ReadsBytesFromBase64WhereverAnElementMayStand) {
  for (const char* body : {
           R"({"instances":[{"b64":"AP8="},"b",{"b64":""}]})",
           R"({"instances":[{"s":{"b64":"AP8="}},{"s":"b"},{"s":{"b64":""}}]})",
           R"({"inputs":[{"b64":"AP8="},"b",{"b64":""}]})",
           R"({"inputs":{"s":[{"b64":"AP8"},"b",{"b64":""}]}})",
       }) {
    SCOPED_TRACE(body);
    ASSERT_TRUE(decode(text_model("y"), body).ok());
    EXPECT_EQ(strings(0), (std::vector<std::string>{std::string("\0\xff", 2), "b", ""}));
  }
  ASSERT_TRUE(decode(text_model("y"), R"({"instances":[{"b64":"\/\/\/\/"}]})").ok());
  EXPECT_EQ(strings(0)[0], "\xff\xff\xff");
}

TEST_F(CodecTfServing, MakesRowsOfInstancesEvenWithoutBatching) {
  const ModelSpec spec = identity_model(DType::kFp32);
  ASSERT_TRUE(decode(spec, R"({"instances":[1,2,3]})").ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({3}));
  EXPECT_EQ(encode(spec, {tensor<float>(DType::kFp32, {3}, {1, 2, 3})}), R"({"predictions":[1,2,3]})");
}

TEST_F(CodecTfServing, AnswersInTheFormOfTheRequest) {
  const ModelSpec two = simple_model();
  const std::string zeros = "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]";
  const auto outputs = [this] {
    return std::vector<Value>{tensor<int32_t>(DType::kInt32, {2, 1}, {1, 2}),
                              tensor<int32_t>(DType::kInt32, {2, 2}, {3, 4, 5, 6})};
  };
  const std::string row = R"({"INPUT0":)" + zeros + R"(,"INPUT1":)" + zeros + "}";
  ASSERT_TRUE(decode(two, R"({"instances":[)" + row + "," + row + "]}").ok());
  EXPECT_EQ(request.rows, 2);
  EXPECT_EQ(encode(two, outputs()),
            R"({"predictions":[{"OUTPUT0":[1],"OUTPUT1":[3,4]},{"OUTPUT0":[2],"OUTPUT1":[5,6]}]})");
  ASSERT_TRUE(decode(two, R"({"inputs":{"INPUT0":[)" + zeros + R"(],"INPUT1":[)" + zeros + "]}}").ok());
  EXPECT_EQ(encode(two, outputs()), R"({"outputs":{"OUTPUT0":[[1],[2]],"OUTPUT1":[[3,4],[5,6]]}})");
  const ModelSpec one = batched_model("x", DType::kFp32, {-1, 1});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  ASSERT_TRUE(decode(one, R"({"inputs":[[NaN],[-Infinity]]})").ok());
  EXPECT_TRUE(std::isnan(values<float>(0)[0]));
  EXPECT_EQ(encode(one, {tensor<float>(DType::kFp32, {2, 1}, {0.2f, nan})}), R"({"outputs":[[0.2],[NaN]]})");
}

TEST_F(CodecTfServing, WritesBytesInBase64WhereTheNameSaysSo) {
  const std::string bytes("\0\xff\xfe", 3);
  ASSERT_TRUE(decode(text_model("image_bytes"), R"({"instances":["a","b"]})").ok());
  EXPECT_EQ(encode(text_model("image_bytes"), {texts({2}, {bytes, "foob"})}),
            R"({"predictions":[{"b64":"AP/+"},{"b64":"Zm9vYg=="}]})");
  EXPECT_EQ(encode(text_model("image_bytes"), {texts({2, 2}, {"", "f", "fo", "foo"})}),
            R"({"predictions":[[{"b64":""},{"b64":"Zg=="}],[{"b64":"Zm8="},{"b64":"Zm9v"}]]})");
  ASSERT_TRUE(decode(text_model("image_bytes"), R"({"inputs":["a","b"]})").ok());
  EXPECT_EQ(encode(text_model("image_bytes"), {texts({2, 1}, {bytes, "f"})}),
            R"({"outputs":[[{"b64":"AP/+"}],[{"b64":"Zg=="}]]})");
  EXPECT_EQ(encode(text_model("image"), {texts({1}, {"text"})}), R"({"outputs":["text"]})");
  EXPECT_FAILS(refusal(text_model("image"), {texts({1}, {"\xff"})}), Code::kUnsupported, "not UTF-8");
}

TEST_F(CodecTfServing, RefusesRowsThatOutputsDoNotHave) {
  const ModelSpec two = simple_model();
  request = WireRequest();
  request.format = WireFormat::kTfServing;
  request.instances = 2;
  EXPECT_FAILS(refusal(two, {tensor<int32_t>(DType::kInt32, {2}, {1, 2}), tensor<int32_t>(DType::kInt32, {1}, {1})}),
               Code::kInvalidInput, "got 1 rows in output 'OUTPUT1': please give \"inputs\"");
  EXPECT_FAILS(refusal(two, {tensor<int32_t>(DType::kInt32, {}, {1}), tensor<int32_t>(DType::kInt32, {1}, {1})}),
               Code::kInvalidInput, "got a single value in output 'OUTPUT0'");
  const ModelSpec one = identity_model(DType::kFp32);
  ASSERT_TRUE(decode(one, R"({"instances":[1,2]})").ok());
  EXPECT_FAILS(refusal(one, {tensor<float>(DType::kFp32, {4}, {1, 2, 3, 4})}), Code::kInvalidInput,
               "expected outputs of a row for each of 2 instances, which \"predictions\" lists, got 4 rows");
  request.columnar = true;
  EXPECT_OK(refusal(two, {tensor<int32_t>(DType::kInt32, {}, {1}), tensor<int32_t>(DType::kInt32, {2}, {1, 2})}));
}

TEST_F(CodecTfServing, TakesTheOnlyInputRaw) {
  const ModelSpec spec = identity_model(DType::kFp32);
  ASSERT_TRUE(decode(spec, "", blob_of<float>({1, 2}), 0).ok());
  EXPECT_EQ(values<float>(0), (std::vector<float>{1, 2}));
  EXPECT_EQ(encode(spec, {tensor<float>(DType::kFp32, {2}, {1, 2})}), R"({"predictions":[1,2]})");
}

}  // namespace
}  // namespace ortserve
