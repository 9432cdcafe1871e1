// SPDX-License-Identifier: Apache-2.0
// Open Inference tensors in shared memory.
#include <numeric>

#include "test/codec_fixture.h"
#include "test/shared_object.h"

namespace ortserve {
namespace {

class CodecSharedMemory : public CodecTest {
 protected:
  CodecSharedMemory() {
    format = WireFormat::kOpenInference;
    EXPECT_OK(regions.add({"r", object.key(), 0, 1024}));
  }

  Status decode_shared(const ModelSpec& spec, const std::string& json) {
    auto body = BodyBuffer::create(pool, json.size(), 0, 1u << 20);
    EXPECT_TRUE(body.ok());
    EXPECT_OK(body->append(std::as_bytes(std::span(json))));
    request = WireRequest();
    request.format = format;
    return decode_request(spec, body->take(), std::nullopt, limits, pool, request, &regions);
  }
  static std::string in(const std::string& datatype, const std::string& shape, const std::string& parameters,
                        const std::string& outputs = "[]") {
    return R"({"inputs":[{"name":"IN","datatype":")" + datatype + R"(","shape":)" + shape + R"(,"parameters":{)" +
           parameters + R"(}}],"outputs":)" + outputs + "}";
  }
  static std::string at(const std::string& region, size_t size, size_t offset) {
    return R"("shared_memory_region":")" + region + R"(","shared_memory_byte_size":)" + std::to_string(size) +
           R"(,"shared_memory_offset":)" + std::to_string(offset);
  }
  static std::string out(const std::string& parameters) {
    return R"([{"name":"OUT","parameters":{)" + parameters + "}}]";
  }

  SharedObject object{1024};
  SharedRegions regions;
};

TEST_F(CodecSharedMemory, RefusesWhatIsNotInARegion) {
  const auto spec = identity_model(DType::kFp32);
  const struct {
    std::string json;
    Code code;
    const char* message;
  } cases[] = {
      {in("FP32", "[2]", at("s", 8, 0)), Code::kNotFound, "Unable to find shared memory region: 's'"},
      {in("FP32", "[2]", at("r", 8, 1020)), Code::kInvalidInput, "Invalid offset and size"},
      {in("FP32", "[2]", at("r", 12, 0)), Code::kInvalidInput, "Expected 8, got 12"},
      {in("FP32", "[2]", R"("shared_memory_region":"r")"), Code::kInvalidInput, "got only one of them"},
      {in("FP32", "[2]", R"("shared_memory_byte_size":8)"), Code::kInvalidInput, "got only one of them"},
      {in("FP32", "[2]", R"("shared_memory_region":7)"), Code::kInvalidJson, "shared_memory_region"},
      {in("FP32", "[2]", R"("binary_data_size":8,)" + at("r", 8, 0)), Code::kInvalidInput,
       "set 'binary_data_size' 'shared_memory_region'"},
      {in("FP32", "[2]", at("r", 8, 0), out(at("s", 8, 0))), Code::kNotFound, "'s'"},
      {in("FP32", "[2]", at("r", 8, 0), out(at("r", 8, 1024))), Code::kInvalidInput, "Invalid offset and size"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.json);
    EXPECT_FAILS(decode_shared(spec, c.json), c.code, c.message);
  }
  EXPECT_FAILS(decode(spec, in("FP32", "[2]", at("r", 8, 0))), Code::kNotFound, "'r'");
}

TEST_F(CodecSharedMemory, ReadsNumbersInPlaceAndUnalignedOnesFromACopy) {
  const auto spec = identity_model(DType::kFp32);
  const std::vector<float> sent = {1.5f, -2};
  for (const size_t offset : {64u, 3u}) {
    std::memcpy(object.data() + offset, sent.data(), 8);
    ASSERT_OK(decode_shared(spec, in("FP32", "[2]", at("r", 8, offset))));
    EXPECT_EQ(values<float>(0), sent);
    EXPECT_EQ(request.copied.in, offset == 64 ? 0u : 8u);
    EXPECT_EQ(request.cache_use, CacheUse::kBypass);
  }
  ASSERT_OK(decode_shared(spec, in("FP32", "[2]", at("r", 8, 64))));
  const float changed = 7;
  std::memcpy(object.data() + 64, &changed, 4);
  EXPECT_EQ(values<float>(0)[0], 7);
}

TEST_F(CodecSharedMemory, ReadsStringsFromACopyOfTheirOwn) {
  std::memcpy(object.data(), "\x02\0\0\0ab\x01\0\0\0c", 11);
  ASSERT_OK(decode_shared(identity_model(DType::kString), in("BYTES", "[2]", at("r", 11, 0))));
  std::memset(object.data(), 0xff, 11);
  EXPECT_EQ(request.inputs[0].string_at(0), "ab");
  EXPECT_EQ(request.inputs[0].string_at(1), "c");
}

TEST_F(CodecSharedMemory, WritesOutputsWhereTheyAreWanted) {
  const auto spec = identity_model(DType::kFp32);
  ASSERT_OK(decode_shared(spec, in("FP32", "[2]", at("r", 8, 0), out(at("r", 16, 100)))));
  EXPECT_EQ(
      encode(spec, {tensor<float>(DType::kFp32, {3}, {1, 2, 3})}),
      R"({"model_name":"ident_FP32","model_version":"1","outputs":[{"name":"OUT","datatype":"FP32","shape":[3]}]})");
  EXPECT_EQ(reply.json_size, 0u);
  std::vector<float> got(3);
  std::memcpy(got.data(), object.data() + 100, 12);
  EXPECT_EQ(got, (std::vector<float>{1, 2, 3}));
}

TEST_F(CodecSharedMemory, RefusesAnOutputThatIsLargerThanItsPlaceAndWritesNothing) {
  const auto spec = identity_model(DType::kFp32);
  ASSERT_OK(decode_shared(spec, in("FP32", "[2]", at("r", 8, 0), out(at("r", 8, 100)))));
  request.outputs = {tensor<float>(DType::kFp32, {3}, {1, 2, 3})};
  auto encoded = encode_reply(spec, request, arena);
  ASSERT_FALSE(encoded.ok());
  EXPECT_FAILS(encoded.status(), Code::kInvalidInput, "(8 bytes) should be at least 12 bytes");
  EXPECT_EQ(object.data()[100], std::byte{0});
}

TEST_F(CodecSharedMemory, HalfPrecisionMayGoThere) {
  const auto spec = identity_model(DType::kFp16);
  ASSERT_OK(decode_shared(spec, in("FP16", "[1]", at("r", 2, 0), out(at("r", 2, 100)))));
  encode(spec, {tensor<uint16_t>(DType::kFp16, {1}, {0x3c00})});
  uint16_t got = 0;
  std::memcpy(&got, object.data() + 100, 2);
  EXPECT_EQ(got, 0x3c00);
}

}  // namespace
}  // namespace ortserve
