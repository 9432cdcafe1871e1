// SPDX-License-Identifier: Apache-2.0
// Replies of both wire formats, and what was decoded coming back unchanged.
#include <cmath>
#include <limits>
#include <random>

#include "test/codec_fixture.h"

namespace ortserve {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class CodecEncode : public CodecTest {
 protected:
  void as_open_inference(std::vector<bool> binary) {
    request.format = WireFormat::kOpenInference;
    request.binary = std::move(binary);
  }
  Status refusal(const ModelSpec& spec, std::vector<Value> outputs) {
    request.outputs = std::move(outputs);
    if (request.binary.empty()) request.binary.assign(request.outputs.size(), false);
    auto encoded = encode_reply(spec, request, arena);
    return encoded.ok() ? Status() : encoded.status();
  }
  Value map_of(const std::vector<int64_t>& keys, const std::vector<float>& values) {
    Value map;
    map.kind = Value::Kind::kMap;
    map.keys = std::make_shared<const Tensor>(tensor(DType::kInt64, {static_cast<int64_t>(keys.size())}, keys).tensor);
    map.tensor = tensor(DType::kFp32, {static_cast<int64_t>(values.size())}, values).tensor;
    return map;
  }
};

class NoMemory final : public ReplyArena {
 public:
  std::byte* acquire(size_t) override { return nullptr; }
};

TEST_F(CodecEncode, ReportsMissingMemory) {
  NoMemory none;
  request.outputs = {tensor<float>(DType::kFp32, {1}, {1})};
  for (const WireFormat each : {WireFormat::kPredict, WireFormat::kOpenInference}) {
    request.format = each;
    request.binary = {false};
    auto encoded = encode_reply(identity_model(DType::kFp32), request, none);
    ASSERT_FALSE(encoded.ok());
    EXPECT_EQ(encoded.status().code(), Code::kOutOfMemory);
  }
}

TEST_F(CodecEncode, RefusesBytesThatAreNoTextInJson) {
  const auto spec = identity_model(DType::kString);
  EXPECT_FAILS(refusal(spec, {texts({2}, {"a", "\xff"})}), Code::kUnsupported,
               "output 'OUT' holds bytes that are not UTF-8");
  as_open_inference({false});
  EXPECT_FAILS(refusal(spec, {texts({2}, {"\xe6\x97", "\xa5"})}), Code::kUnsupported, "ask for it as binary data");
  as_open_inference({true});
  EXPECT_OK(refusal(spec, {texts({2}, {"a", "\xff"})}));
}

TEST_F(CodecEncode, RefusesWhatOpenInferenceCannotCarry) {
  ModelSpec spec = identity_model(DType::kFp16);
  as_open_inference({false});
  EXPECT_FAILS(refusal(spec, {tensor<uint16_t>(DType::kFp16, {1}, {0})}), Code::kInvalidInput,
               "sending FP16 data via JSON is not supported");
  spec.outputs[0].kind = Value::Kind::kMap;
  EXPECT_FAILS(refusal(spec, {map_of({1}, {1})}), Code::kUnsupported, "use /predict");
}

TEST_F(CodecEncode, WritesOnePredictionPerRow) {
  ModelSpec spec = batched_model("x", DType::kFp32, {-1, 1});
  request.rows = 2;
  EXPECT_EQ(encode(spec, {tensor<float>(DType::kFp32, {2, 2}, {0.1f, 2, -3.5f, 1e20f})}),
            R"({"predictions":[[0.1,2],[-3.5,1e+20]],"model":"m","version":"3"})");
  EXPECT_EQ(encode(spec, {tensor<int64_t>(DType::kInt64, {2}, {5, -6})}),
            R"({"predictions":[5,-6],"model":"m","version":"3"})");
  request.id = "a\"b";
  EXPECT_EQ(encode(spec, {tensor<uint8_t>(DType::kBool, {2, 1, 2}, {1, 0, 0, 1})}),
            R"({"id":"a\"b","predictions":[[[true,false]],[[false,true]]],"model":"m","version":"3"})");
  EXPECT_EQ(reply.json_size, 0u);
  EXPECT_EQ(request.copied.out, 0u);
}

TEST_F(CodecEncode, NamesSeveralOutputs) {
  ModelSpec spec = batched_model("x", DType::kFp32, {-1, 1});
  spec.outputs = {output_spec("label", DType::kString, {-1}), output_spec("p\n", DType::kFp32, {-1, 2}),
                  output_spec("n", DType::kInt64, {-1})};
  request.rows = 2;
  request.wanted = {1, 0};
  request.binary = {false, false};
  EXPECT_EQ(encode(spec, {tensor<float>(DType::kFp32, {2, 2}, {1, 2, 3, 4}), texts({2}, {"cat", "d\tg"})}),
            R"({"predictions":[{"p\n":[1,2],"label":"cat"},{"p\n":[3,4],"label":"d\tg"}],"model":"m","version":"3"})");
}

TEST_F(CodecEncode, WritesSequencesAndMaps) {
  ModelSpec spec = batched_model("x", DType::kFp32, {-1, 1});
  spec.outputs = {output_spec("label", DType::kInt64, {-1}), output_spec("p", DType::kFp32, {})};
  spec.outputs[1].kind = Value::Kind::kSequence;
  Value sequence;
  sequence.kind = Value::Kind::kSequence;
  sequence.items = {map_of({0, 1}, {0.25f, 0.75f}), map_of({0, 1}, {1, 0})};
  request.rows = 2;
  EXPECT_EQ(
      encode(spec, {tensor<int64_t>(DType::kInt64, {2}, {1, 0}), sequence}),
      R"({"predictions":[{"label":1,"p":{"0":0.25,"1":0.75}},{"label":0,"p":{"0":1,"1":0}}],"model":"m","version":"3"})");
  spec.batched = false;
  request.rows = 1;
  EXPECT_EQ(encode(spec, {tensor<int64_t>(DType::kInt64, {2}, {1, 0}), sequence}),
            R"({"predictions":[{"label":[1,0],"p":[{"0":0.25,"1":0.75},{"0":1,"1":0}]}],"model":"m","version":"3"})");
  Value named = map_of({}, {});
  named.keys = std::make_shared<const Tensor>(texts({2}, {"a", "\"b"}).tensor);
  named.tensor = texts({2}, {"x", "y"}).tensor;
  request.wanted = {1};
  EXPECT_EQ(encode(spec, {named}), R"({"predictions":[{"a":"x","\"b":"y"}],"model":"m","version":"3"})");
}

TEST_F(CodecEncode, WritesWholeOutputsWithoutBatching) {
  ModelSpec spec = identity_model(DType::kFp32);
  EXPECT_EQ(encode(spec, {tensor<float>(DType::kFp32, {2, 2}, {1, 2, 3, 4})}),
            R"({"predictions":[[[1,2],[3,4]]],"model":"ident_FP32","version":"1"})");
  EXPECT_EQ(encode(spec, {tensor<float>(DType::kFp32, {}, {7})}),
            R"({"predictions":[7],"model":"ident_FP32","version":"1"})");
  EXPECT_EQ(encode(spec, {tensor<float>(DType::kFp32, {2, 0}, {})}),
            R"({"predictions":[[[],[]]],"model":"ident_FP32","version":"1"})");
}

TEST_F(CodecEncode, WritesEveryNumberInFull) {
  const auto predictions = [this](const Value& value) {
    std::string text = encode(identity_model(DType::kFp32), {value});
    const size_t begin = text.find('[') + 1;
    return text.substr(begin, text.find(",\"model\"") - 1 - begin);
  };
  EXPECT_EQ(predictions(tensor<float>(DType::kFp32, {9},
                                      {kNaN, kInfinity, -kInfinity, -0.0f, 1.17549435e-38f, -1.17549435e-38f,
                                       3.40282347e38f, 16777216, 1e-45f})),
            "[NaN,Infinity,-Infinity,-0,1.1754944e-38,-1.1754944e-38,3.4028235e+38,16777216,1e-45]");
  EXPECT_EQ(predictions(tensor<double>(DType::kFp64, {3}, {-2.2250738585072014e-308, 0.1, 1.7976931348623157e308})),
            "[-2.2250738585072014e-308,0.1,1.7976931348623157e+308]");
  EXPECT_EQ(predictions(tensor<uint64_t>(DType::kUint64, {2}, {UINT64_MAX, 9007199254740993})),
            "[18446744073709551615,9007199254740993]");
  EXPECT_EQ(predictions(tensor<int64_t>(DType::kInt64, {1}, {INT64_MIN})), "[-9223372036854775808]");
  EXPECT_EQ(predictions(tensor<int8_t>(DType::kInt8, {2}, {-128, 127})), "[-128,127]");
  EXPECT_EQ(predictions(tensor<uint8_t>(DType::kUint8, {1}, {255})), "[255]");
  EXPECT_EQ(predictions(tensor<int16_t>(DType::kInt16, {1}, {-32768})), "[-32768]");
  EXPECT_EQ(predictions(tensor<uint16_t>(DType::kUint16, {1}, {65535})), "[65535]");
  EXPECT_EQ(predictions(tensor<int32_t>(DType::kInt32, {1}, {INT32_MIN})), "[-2147483648]");
  EXPECT_EQ(predictions(tensor<uint32_t>(DType::kUint32, {1}, {UINT32_MAX})), "[4294967295]");
  EXPECT_EQ(predictions(tensor<uint16_t>(DType::kFp16, {3}, {0x3c00, 0x3555, 0x7c00})), "[1,0.33325195,Infinity]");
  EXPECT_EQ(predictions(tensor<uint16_t>(DType::kBf16, {2}, {0x3fc0, 0xff80})), "[1.5,-Infinity]");
  EXPECT_EQ(predictions(texts({3}, {"", std::string("\0\x1f\x7f", 3), "\\/日"})),
            "[\"\",\"\\u0000\\u001f\x7f\",\"\\\\/日\"]");
}

TEST_F(CodecEncode, WritesOpenInferenceJsonInOrder) {
  const ModelSpec spec = simple_model();
  as_open_inference({false, false});
  request.id = "42";
  EXPECT_EQ(
      encode(spec, {tensor<int32_t>(DType::kInt32, {1, 2}, {1, 2}), tensor<int32_t>(DType::kInt32, {2, 1}, {3, -4})}),
      R"({"id":"42","model_name":"simple","model_version":"1","outputs":[)"
      R"({"name":"OUTPUT0","datatype":"INT32","shape":[1,2],"data":[1,2]},)"
      R"({"name":"OUTPUT1","datatype":"INT32","shape":[2,1],"data":[3,-4]}]})");
  EXPECT_EQ(reply.json_size, 0u);
}

TEST_F(CodecEncode, PutsBlobsBehindTheJson) {
  const ModelSpec spec = simple_model();
  as_open_inference({true, false});
  const Value output = tensor<int32_t>(DType::kInt32, {1, 2}, {258, -1});
  const std::string json = R"({"model_name":"simple","model_version":"1","outputs":[)"
                           R"({"name":"OUTPUT0","datatype":"INT32","shape":[1,2],"parameters":{"binary_data_size":8}},)"
                           R"({"name":"OUTPUT1","datatype":"INT32","shape":[1,2],"data":[258,-1]}]})";
  EXPECT_EQ(encode(spec, {output, output}), json + blob_of<int32_t>({258, -1}));
  EXPECT_EQ(reply.json_size, json.size());
  EXPECT_EQ(request.copied.out, 8u);
  request.framed = true;
  EXPECT_EQ(encode(spec, {output, output}),
            blob_of<uint32_t>({static_cast<uint32_t>(json.size())}) + json + blob_of<int32_t>({258, -1}));
  EXPECT_EQ(reply.json_size, json.size());
}

TEST_F(CodecEncode, FramesOnlyRepliesWithBlobs) {
  as_open_inference({true});
  request.framed = true;
  EXPECT_EQ(encode(identity_model(DType::kFp32), {tensor<float>(DType::kFp32, {0}, {})}),
            R"({"model_name":"ident_FP32","model_version":"1","outputs":[{"name":"OUT","datatype":"FP32","shape":[0],)"
            R"("parameters":{"binary_data_size":0}}]})");
  EXPECT_EQ(reply.json_size, 0u);
}

TEST_F(CodecEncode, WritesStringsAsBlobs) {
  as_open_inference({true});
  const std::string text = encode(identity_model(DType::kString), {texts({2}, {"ab", "c"})});
  EXPECT_EQ(text.substr(reply.json_size), std::string("\x02\0\0\0ab\x01\0\0\0c", 11));
  EXPECT_NE(text.find("\"binary_data_size\":11"), std::string::npos);
}

TEST_F(CodecEncode, GivesBackWhatWasDecodedForEveryDatatype) {
  std::mt19937_64 random(11);
  for (int d = 0; d < kDTypeCount; ++d) {
    const auto dtype = static_cast<DType>(d);
    SCOPED_TRACE(dtype_name(dtype));
    const ModelSpec spec = identity_model(dtype);
    std::string blob;
    const size_t count = 257;
    if (dtype == DType::kString) {
      std::vector<std::string> elements(count);
      for (auto& element : elements) element.assign(random() % 9, static_cast<char>(random() % 128));
      blob = bytes_blob(elements);
    } else {
      for (size_t i = 0; i < count * dtype_size(dtype); ++i) blob += static_cast<char>(random());
      if (dtype == DType::kBool) {
        for (char& c : blob) c &= 1;
      }
    }
    const std::string head = R"({"inputs":[{"name":"IN","shape":[257],"datatype":")" + std::string(dtype_name(dtype));
    const std::string binary_in = head + R"(","parameters":{"binary_data_size":)" + std::to_string(blob.size()) +
                                  R"(}}],"parameters":{"binary_data_output":true}})";
    format = WireFormat::kOpenInference;
    ASSERT_TRUE(decode(spec, binary_in, blob).ok());
    Value echoed;
    echoed.tensor = request.inputs[0];
    EXPECT_EQ(encode(spec, {echoed}).substr(reply.json_size), blob);

    // The same values through JSON text and back, in the predict form, which carries every datatype.
    request.format = WireFormat::kPredict;
    std::string text = encode(spec, {echoed});
    const size_t begin = text.find('[');
    text = R"({"instances":)" + text.substr(begin, text.find(",\"model\"") - begin) + "}";
    const Tensor original = request.inputs[0];
    format = WireFormat::kPredict;
    ASSERT_TRUE(decode(spec, text).ok());
    ASSERT_EQ(request.inputs[0].shape, original.shape);
    EXPECT_EQ(request.inputs[0].offsets, original.offsets);
    const bool has_nan =
        dtype == DType::kFp16 || dtype == DType::kBf16 || dtype == DType::kFp32 || dtype == DType::kFp64;
    if (!has_nan) {  // NaN has one spelling and many bit patterns
      EXPECT_EQ(std::memcmp(request.inputs[0].data.data(), original.data.data(), original.byte_size()), 0);
    }
  }
}

TEST_F(CodecEncode, ReadsBackEveryFloatItWrites) {
  std::mt19937 random(3);
  std::vector<float> floats(20'000);
  for (float& value : floats) {
    do {
      const auto bits = static_cast<uint32_t>(random());
      std::memcpy(&value, &bits, sizeof(value));
    } while (std::isnan(value));
  }
  const ModelSpec spec = identity_model(DType::kFp32);
  const std::string text = encode(spec, {tensor(DType::kFp32, {20'000}, floats)});
  const size_t begin = text.find('[');
  ASSERT_TRUE(decode(spec, R"({"instances":)" + text.substr(begin, text.find(",\"model\"") - begin) + "}").ok());
  EXPECT_EQ(std::memcmp(request.inputs[0].data.data(), floats.data(), floats.size() * sizeof(float)), 0);
}

}  // namespace
}  // namespace ortserve
