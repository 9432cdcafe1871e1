// SPDX-License-Identifier: Apache-2.0
// JSON itself: what is refused, and what numbers and strings become. Through the predict form.
#include <cmath>
#include <limits>

#include "core/codec/json_text.h"
#include "test/codec_fixture.h"

namespace ortserve {
namespace {

class CodecJson : public CodecTest {
 protected:
  Status decode_elements(DType dtype, const std::string& elements) {
    return decode(identity_model(dtype), "{\"inputs\":[" + elements + "]}");
  }
};

TEST_F(CodecJson, KeepsNoLargeIndexWhateverBecameOfTheText) {
  const std::string large = std::string(8 << 20, ' ');
  EXPECT_FALSE(decode_elements(DType::kFp32, large + "\"").ok());
  EXPECT_LT(JsonText::thread_capacity(), large.size());
  EXPECT_TRUE(decode_elements(DType::kFp32, large + "1").ok());
  EXPECT_LT(JsonText::thread_capacity(), large.size());
}

TEST_F(CodecJson, RefusesWhatIsNotJson) {
  const struct {
    const char* body;
    const char* message;
  } cases[] = {
      {"", "the body is empty"},
      {"  \n", "the body is empty"},
      {"[]", "expected a JSON object at byte 0"},
      {"nope", "expected a JSON object at byte 0"},
      {"{", "cut short"},
      {"}", "expected a JSON object"},
      {"{\"inputs\":[1,2", "cut short"},
      {"{\"inputs\":[1,2}", "expected ',' or ']'"},
      {"{\"inputs\":[1,2]]}", "expected ',' or '}'"},
      {"{\"inputs\":[1,2]", "cut short"},
      {"{\"inputs\":[1 2]}", "expected ',' or ']'"},
      {"{\"inputs\":[1,]}", "got ']'"},
      {"{\"inputs\":[,1]}", "got ','"},
      {"{\"inputs\":[1,2],}", "expected a name in quotes"},
      {"{inputs:[1,2]}", "expected a name in quotes"},
      {"{\"inputs\" [1,2]}", "expected ':'"},
      {"{\"inputs\":[1,2]} {}", "expected the end of the request JSON"},
      {"{\"inputs\":[1,2]}x", "cut short, or something else follows"},
      {"{\"inputs\":[1,2],\"inputs\":[1,2]}", "duplicate key 'inputs'"},
      {"{\"inputs\":[1,2],\"id\":\"a\",\"id\":\"b\"}", "duplicate key 'id'"},
      {"{\"inputs\":[1,2],\"id\":\"\xff\xfe\"}", "not valid UTF-8"},
      {"{\"inputs\":[1,2],\"id\":\"a", "a string is not closed"},
      {"{\"inputs\":[1,2],\"id\":\"a\nb\"}", "control character"},
      {"{\"inputs\":[1,2],\"id\":\"\\x\"}", "Unable to parse 'id'"},
      {"{\"inputs\":[1,2],\"id\":\"\\ud800\"}", "Unable to parse 'id'"},
      {"{\"inputs\":[1,2],\"signature_name\":tru}", "expected a value"},
      {"{\"inputs\":[1,2],\"signature_name\":[{\"a\":01}]}", "expected a value"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_FAILS(decode(identity_model(DType::kFp32), c.body), Code::kInvalidJson, c.message);
  }
}

TEST_F(CodecJson, RefusesTokensThatAreNoNumbers) {
  for (const char* token : {"1.", ".5", "+1", "01", "-", "1e", "1e+", "0x10", "1_000", "nan", "infinity", "-NaN", "tru",
                            "1.2.3", "--1", "NaN1", "1e999"}) {
    SCOPED_TRACE(token);
    EXPECT_FAILS(decode_elements(DType::kFp32, token), Code::kInvalidJson, token);
  }
}

TEST_F(CodecJson, RefusesElementsOfAnotherType) {
  const struct {
    DType dtype;
    const char* element;
    const char* message;
  } cases[] = {
      {DType::kInt8, "300", "expected INT8 (an integer from -128 to 127)"},
      {DType::kInt8, "-129", "got -129"},
      {DType::kUint8, "-1", "expected UINT8 (an integer from 0 to 255)"},
      {DType::kUint8, "256", "got 256"},
      {DType::kUint16, "65536", "UINT16"},
      {DType::kInt16, "-32769", "INT16"},
      {DType::kInt32, "2147483648", "INT32"},
      {DType::kInt32, "1.5", "got 1.5"},
      {DType::kInt32, "1.0", "got 1.0"},
      {DType::kInt32, "1e3", "got 1e3"},
      {DType::kInt32, "NaN", "got NaN"},
      {DType::kUint32, "4294967296", "UINT32"},
      {DType::kInt64, "9223372036854775808", "INT64"},
      {DType::kInt64, "-9223372036854775809", "INT64"},
      {DType::kUint64, "18446744073709551616", "UINT64"},
      {DType::kUint64, "-1", "UINT64"},
      {DType::kBool, "1", "expected BOOL (true or false)"},
      {DType::kBool, "\"true\"", "got the string \"true\""},
      {DType::kFp32, "true", "expected FP32"},
      {DType::kFp32, "\"1\"", "got the string \"1\""},
      {DType::kFp32, "{}", "got an object"},
      {DType::kFp32, "null", "null, which stands for no value"},
      {DType::kFp64, "null", "null, which stands for no value"},
      {DType::kInt64, "null", "null, which stands for no value"},
      {DType::kBool, "null", "null, which stands for no value"},
      {DType::kString, "null", "null, which stands for no value"},
      {DType::kString, "1", "expected BYTES (a string)"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.element);
    EXPECT_FAILS(decode_elements(c.dtype, c.element), Code::kInvalidInput, c.message);
    EXPECT_FAILS(decode_elements(c.dtype, c.element), Code::kInvalidInput, "'IN'");
  }
}

TEST_F(CodecJson, RefusesWrongEscapesAndRepeatsLongTextInPart) {
  for (const char* text : {R"("\x")", R"("\u12")", R"("\udc00")", R"("\ud800\u0041")"}) {
    SCOPED_TRACE(text);
    EXPECT_FAILS(decode_elements(DType::kString, text), Code::kInvalidJson, "expected a string with valid escapes");
  }
  std::string snow;
  for (int i = 0; i < 100; ++i) snow += "☃";  // three bytes each: the cut must not fall inside one
  const Status status = decode_elements(DType::kFp32, "\"" + snow + "\"");
  EXPECT_FAILS(status, Code::kInvalidInput, "got the string \"☃☃☃☃☃☃☃☃☃☃☃☃☃...");
  EXPECT_LT(status.message().size(), 200u);
}

TEST_F(CodecJson, BoundsDepthAndElementsBeforeAllocating) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); };
  EXPECT_FAILS(decode(identity_model(DType::kFp32), "{\"signature_name\":" + nested(120) + ",\"inputs\":[1]}"),
               Code::kLimitExceeded, "JSON nesting depth exceeds maximum allowed limit (100)");
  EXPECT_OK(decode(identity_model(DType::kFp32), "{\"signature_name\":" + nested(50) + ",\"inputs\":[1]}"));
  limits.max_depth = 1u << 30;  // the stack is bounded whatever the limit says
  EXPECT_FAILS(decode(identity_model(DType::kFp32), "{\"signature_name\":" + nested(200'000) + ",\"inputs\":[1]}"),
               Code::kLimitExceeded, "nesting depth");
  limits.max_elements = 3;
  EXPECT_OK(decode_elements(DType::kFp32, "1,2,3"));
  const uint64_t before = pool.stats().peak_live_bytes;
  EXPECT_FAILS(decode_elements(DType::kFp32, "1,2,3,4"), Code::kLimitExceeded, "more than the 3 elements");
  EXPECT_FAILS(decode_elements(DType::kString, "\"\",\"\",\"\",\"\""), Code::kLimitExceeded,
               "more than the 3 elements");
  EXPECT_LE(pool.stats().peak_live_bytes, before + 4096);
}

TEST_F(CodecJson, KeepsTheIdOfARequestThatFails) {
  const auto spec = identity_model(DType::kFp32);
  EXPECT_FALSE(decode(spec, "{\"inputs\":[tru],\"id\":\"a7\"}").ok());
  EXPECT_EQ(request.id, "a7");
  EXPECT_FALSE(decode(spec, "{\"id\":\"\\u00e9\\n\",\"inputs\":[[1],2]").ok());
  EXPECT_EQ(request.id, "\u00e9\n");
  EXPECT_FALSE(decode(spec, "{\"x\":{\"id\":\"inner\"},\"inputs\":[1,\"id\"],\"id\" : \"outer\"").ok());
  EXPECT_EQ(request.id, "");  // nothing follows the value: it may be cut short
  EXPECT_FALSE(decode(spec, "{\"x\":{\"id\":\"inner\"},\"inputs\":[1,\"id\"],\"id\" : \"outer\",").ok());
  EXPECT_EQ(request.id, "outer");
  EXPECT_FALSE(decode(spec, "{\"id\":7,\"inputs\":[]}").ok());
  EXPECT_EQ(request.id, "");
}

TEST_F(CodecJson, RoundsNumbersAsAFloat32ArrayDoes) {
  ASSERT_TRUE(
      decode_elements(DType::kFp32,
                      "0.1, 16777217, 1e39, -1e39, 1e-50, -0.0, 3, 1.00000005960464478,"
                      "1.000000059604644775390625000000000000000000000000000001, 123456789012345678901234567890")
          .ok());
  const double wide[] = {0.1,
                         16777217,
                         1e39,
                         -1e39,
                         1e-50,
                         -0.0,
                         3,
                         1.00000005960464478,
                         1.000000059604644775390625,
                         123456789012345678901234567890.0};
  const auto got = values<float>(0);
  ASSERT_EQ(got.size(), std::size(wide));
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i], static_cast<float>(wide[i])) << i;
    EXPECT_EQ(std::signbit(got[i]), std::signbit(wide[i])) << i;
  }
}

TEST_F(CodecJson, TakesNaNAndInfinityForFloats) {
  for (const DType dtype : {DType::kFp32, DType::kFp64}) {
    ASSERT_TRUE(decode_elements(dtype, "NaN, Infinity,-Infinity ,Inf\n,-Inf").ok());
    std::vector<double> got;
    if (dtype == DType::kFp64) got = values<double>(0);
    if (dtype == DType::kFp32) {
      for (float value : values<float>(0)) got.push_back(value);
    }
    ASSERT_EQ(got.size(), 5u);
    EXPECT_TRUE(std::isnan(got[0]));
    for (size_t i = 1; i < 5; ++i) {
      EXPECT_TRUE(std::isinf(got[i])) << i;
      EXPECT_EQ(got[i] < 0, i % 2 == 0) << i;
    }
  }
}

TEST_F(CodecJson, KeepsIntegersInFull) {
  ASSERT_TRUE(decode_elements(DType::kUint64, "18446744073709551615, 0, 9007199254740993").ok());
  EXPECT_EQ(values<uint64_t>(0), (std::vector<uint64_t>{UINT64_MAX, 0, 9007199254740993}));
  ASSERT_TRUE(decode_elements(DType::kInt64, "-9223372036854775808, 9223372036854775807, 9007199254740993, -0").ok());
  EXPECT_EQ(values<int64_t>(0), (std::vector<int64_t>{INT64_MIN, INT64_MAX, 9007199254740993, 0}));
  ASSERT_TRUE(decode_elements(DType::kInt8, "-128,127").ok());
  EXPECT_EQ(values<int8_t>(0), (std::vector<int8_t>{-128, 127}));
  ASSERT_TRUE(decode_elements(DType::kUint8, "0,255").ok());
  EXPECT_EQ(values<uint8_t>(0), (std::vector<uint8_t>{0, 255}));
  ASSERT_TRUE(decode_elements(DType::kBool, "true,false, true").ok());
  EXPECT_EQ(values<uint8_t>(0), (std::vector<uint8_t>{1, 0, 1}));
}

TEST_F(CodecJson, RoundsToTheSixteenBitFormatsOnce) {
  // 1 + 2^-11 is a tie of FP16; a little more must round up even where a float could not tell it from the tie.
  ASSERT_TRUE(decode_elements(DType::kFp16, "1, 1.00048828125, 1.00048828125000001, 65504, 65520, 6e-8, -2, NaN").ok());
  const auto half = values<uint16_t>(0);
  EXPECT_EQ(half[0], 0x3c00);
  EXPECT_EQ(half[1], 0x3c00);
  EXPECT_EQ(half[3], 0x7bff);
  EXPECT_EQ(half[4], 0x7c00);
  EXPECT_EQ(half[5], 0x0001);
  EXPECT_EQ(half[6], 0xc000);
  EXPECT_EQ(half[7] & 0x7e00, 0x7e00);
  ASSERT_TRUE(decode_elements(DType::kFp16, "1.000488281250001, 1.000488281249999, -1.000488281250001").ok());
  EXPECT_EQ(values<uint16_t>(0), (std::vector<uint16_t>{0x3c01, 0x3c00, 0xbc01}));
  ASSERT_TRUE(decode_elements(DType::kBf16, "1.5, 1.00390625, 1.0039062500001, Infinity, 0").ok());
  EXPECT_EQ(values<uint16_t>(0), (std::vector<uint16_t>{0x3fc0, 0x3f80, 0x3f81, 0x7f80, 0}));
}

TEST_F(CodecJson, UnescapesStrings) {
  ASSERT_TRUE(
      decode_elements(DType::kString, R"("", "plain", "\u0000", "\"\\\/\b\f\n\r\t", "\u00e9\ud83d\ude00", "日本")")
          .ok());
  EXPECT_EQ(strings(0), (std::vector<std::string>{"", "plain", std::string(1, '\0'), "\"\\/\b\f\n\r\t",
                                                  "\u00e9\U0001F600", "日本"}));
  std::string many;
  std::vector<std::string> expected;
  for (int i = 0; i < 3000; ++i) {  // several growths of the tensor's memory
    expected.push_back(std::string(static_cast<size_t>(i % 90), 'x') + "\n");
    many += (i ? ",\"" : "\"") + std::string(static_cast<size_t>(i % 90), 'x') + "\\n\"";
  }
  ASSERT_TRUE(decode_elements(DType::kString, many).ok());
  EXPECT_EQ(strings(0), expected);
}

TEST_F(CodecJson, ParsesAfterALargeTextAsBefore) {
  std::string large = "0";
  for (int i = 1; i < 3'000'000; ++i) large += ",0";
  ASSERT_TRUE(decode_elements(DType::kUint8, large).ok());
  EXPECT_EQ(request.inputs[0].elements(), 3'000'000);
  ASSERT_TRUE(decode_elements(DType::kUint8, "1,2").ok());
  EXPECT_EQ(values<uint8_t>(0), (std::vector<uint8_t>{1, 2}));
}

}  // namespace
}  // namespace ortserve
