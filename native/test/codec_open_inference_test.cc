// SPDX-License-Identifier: Apache-2.0
// Open Inference Protocol requests: JSON, binary, mixed and raw.
#include "test/codec_fixture.h"

namespace ortserve {
namespace {

class CodecOpenInference : public CodecTest {
 protected:
  CodecOpenInference() { format = WireFormat::kOpenInference; }

  // A request to the simple model whose first input is `input0`; the second one is in order.
  static std::string simple(const std::string& input0, const std::string& rest = "") {
    return R"({"inputs":[)" + input0 + R"(,{"name":"INPUT1","shape":[1,16],"datatype":"INT32","data":)" + sixteen() +
           "}]" + rest + "}";
  }
  static std::string sixteen() { return "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]"; }
  static std::string input(const std::string& name, const std::string& shape, const std::string& rest) {
    return R"({"name":")" + name + R"(","shape":)" + shape + R"(,"datatype":"INT32",)" + rest + "}";
  }
  static std::string one(const std::string& datatype, const std::string& shape, const std::string& rest) {
    return R"({"inputs":[{"name":"IN","shape":)" + shape + R"(,"datatype":")" + datatype + R"(",)" + rest + "}]}";
  }
  static std::string sized(size_t bytes) {
    return R"("parameters":{"binary_data_size":)" + std::to_string(bytes) + "}";
  }
};

TEST_F(CodecOpenInference, RefusesInputsThatDoNotFitTheModel) {
  const std::string good = R"("data":)" + sixteen();
  const struct {
    std::string input;
    Code code;
    const char* message;
  } cases[] = {
      {input("INPUT0", "[1,15]", good), Code::kInvalidInput,
       "expected INT32 [-1,16] for input 'INPUT0', got INT32 [1,15]"},
      {input("INPUT0", "[16]", good), Code::kInvalidInput, "got INT32 [16]"},
      {input("INPUT0", "[2,16]", R"("data":[)" + sixteen() + "," + sixteen() + "]"), Code::kInvalidInput,
       "input 'INPUT1' batch size does not match other inputs for 'simple'"},
      {input("INPUT0", "[0,16]", R"("data":[])"), Code::kInvalidInput, "batch size does not match"},
      {input("INPUT0", "[1,16]", R"("data":[1,2,3])"), Code::kInvalidInput, "expected 16 elements for input 'INPUT0'"},
      {input("INPUT0", "[1,16]", R"("data":[[0,1,2,3,4,5,6,7,8],[9,10,11,12,13,14,15,16]])"), Code::kInvalidInput,
       "has more than 16 elements"},
      {input("INPUT0", "[1,16]", R"("data":7)"), Code::kInvalidJson, "expected an array in 'data'"},
      {input("INPUT0", "[2,-5]", good), Code::kInvalidInput,
       "Unable to parse 'shape': expected a non-negative integer"},
      {input("INPUT0", R"(["1",16])", good), Code::kInvalidInput, "Unable to parse 'shape'"},
      {input("INPUT0", "[1.0,16]", good), Code::kInvalidInput, "Unable to parse 'shape'"},
      {input("INPUT0", "16", good), Code::kInvalidJson, "expected an array"},
      {input("INPUT0", "[1,1,1,1,1,1,1,1,16]", good), Code::kInvalidInput, "at most 8 dims"},
      {input("INPUT0", "[16,1152921504606846978]", good), Code::kLimitExceeded, "total element count"},
      {input("INPUT0", "[4611686018427387904,16]", good), Code::kLimitExceeded, "total element count"},
      {input("NOPE", "[1,16]", good), Code::kInvalidInput,
       "unexpected inference input 'NOPE' for model 'simple'; did you mean 'INPUT0'?"},
      {input("INPUT1", "[1,16]", good), Code::kInvalidInput, "input 'INPUT1' already exists in request"},
      {R"({"name":"INPUT0","shape":[1,16],"datatype":"FP32","data":[]})", Code::kInvalidInput,
       "inference input 'INPUT0' data-type is 'FP32', but model 'simple' expects 'INT32'"},
      {R"({"name":"INPUT0","shape":[1,16],"datatype":"FLOAT","data":[]})", Code::kInvalidInput,
       "invalid datatype for input 'INPUT0'"},
      {R"({"shape":[1,16],"datatype":"INT32","data":[]})", Code::kInvalidJson, "Unable to parse 'name'"},
      {R"({"name":"INPUT0","datatype":"INT32","data":[]})", Code::kInvalidJson, "Unable to parse 'shape'"},
      {R"({"name":"INPUT0","shape":[1,16],"data":[]})", Code::kInvalidJson, "Unable to parse 'datatype'"},
      {R"({"name":7,"shape":[1,16],"datatype":"INT32","data":[]})", Code::kInvalidJson, "Unable to parse 'name'"},
      {R"({"name":"INPUT0","name":"INPUT0","shape":[1,16]})", Code::kInvalidJson, "duplicate key 'name'"},
      {input("INPUT0", "[1,16]", R"("parameters":{})"), Code::kInvalidInput, "But no field is set"},
      {input("INPUT0", "[1,16]", R"("data":null)"), Code::kInvalidInput, "But no field is set"},
      {input("INPUT0", "[1,16]", good + "," + sized(64)), Code::kInvalidInput, "But set 'data' 'binary_data_size'"},
      {input("INPUT0", "[1,16]", R"("parameters":{"binary_data_size":-1})"), Code::kInvalidJson,
       "Unable to parse 'binary_data_size'"},
      {input("INPUT0", "[1,16]", R"("parameters":{"binary_data_size":64,"binary_data_size":64})"), Code::kInvalidJson,
       "duplicate key"},
      {input("INPUT0", "[1,16]", R"("parameters":{"shared_memory_region":"r","shared_memory_byte_size":64})"),
       Code::kNotFound, "Unable to find shared memory region: 'r'"},
      {input("INPUT0", "[1,16]", sized(64)), Code::kInvalidInput, "expecting 64 additional bytes for model 'simple'"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.input);
    EXPECT_FAILS(decode(simple_model(), simple(c.input)), c.code, c.message);
  }
}

TEST_F(CodecOpenInference, RefusesRequestsThatAreIncompleteOrOdd) {
  const struct {
    std::string body;
    Code code;
    const char* message;
  } cases[] = {
      {"{", Code::kInvalidJson, "cut short"},
      {"", Code::kInvalidJson, "empty"},
      {"[]", Code::kInvalidJson, "expected a JSON object"},
      {"{}", Code::kInvalidJson, "non-existing object member 'inputs'"},
      {R"({"inputs":{}})", Code::kInvalidJson, "expected an array"},
      {R"({"inputs":[7]})", Code::kInvalidJson, "expected an object"},
      {R"({"inputs":[]})", Code::kInvalidInput, "expected 2 inputs but got 0 inputs for model 'simple'"},
      {R"({"inputs":[)" + input("INPUT0", "[1,16]", R"("data":)" + sixteen()) + "]}", Code::kInvalidInput,
       "Got input(s) ['INPUT0'], but missing required input(s) ['INPUT1']"},
      {simple(input("INPUT0", "[1,16]", R"("data":)" + sixteen()), R"(,"id":5)"), Code::kInvalidJson, "'id'"},
      {simple(input("INPUT0", "[1,16]", R"("data":)" + sixteen()), R"(,"outputs":[{"name":"X"}])"), Code::kInvalidInput,
       "unexpected inference output 'X' for model 'simple'"},
      {simple(input("INPUT0", "[1,16]", R"("data":)" + sixteen()),
              R"(,"outputs":[{"name":"OUTPUT0"},{"name":"OUTPUT0"}])"),
       Code::kInvalidInput, "output 'OUTPUT0' already exists in request"},
      {simple(input("INPUT0", "[1,16]", R"("data":)" + sixteen()), R"(,"outputs":[{}])"), Code::kInvalidJson, "'name'"},
      {simple(input("INPUT0", "[1,16]", R"("data":)" + sixteen()),
              R"(,"outputs":[{"name":"OUTPUT0","parameters":{"classification":-2}}])"),
       Code::kInvalidJson, "Unable to parse 'classification'"},
      {simple(input("INPUT0", "[1,16]", R"("data":)" + sixteen()),
              R"(,"outputs":[{"name":"OUTPUT0","parameters":{"binary_data":1}}])"),
       Code::kInvalidJson, "Unable to parse 'binary_data'"},
      {simple(input("INPUT0", "[1,16]", R"("data":)" + sixteen()), R"(,"parameters":{"triton_x":1})"),
       Code::kInvalidInput, "starting with 'triton_' are reserved"},
      {simple(input("INPUT0", "[1,16]", R"("data":)" + sixteen()), R"(,"parameters":{"a":[1]})"), Code::kInvalidInput,
       "parameter 'a' has invalid type"},
      {simple(input("INPUT0", "[1,16]", R"("data":)" + sixteen()), R"(,"parameters":{"a":null})"), Code::kInvalidInput,
       "parameter 'a' has invalid type"},
      {simple(input("INPUT0", "[1,16]", R"("data":)" + sixteen()), R"(,"parameters":5)"), Code::kInvalidJson,
       "expected an object"},
      {simple(input("INPUT0", "[1,16]", R"("data":)" + sixteen()), R"(,"parameters":{"timeout":-5})"),
       Code::kInvalidJson, "Unable to parse 'timeout'"},
      {simple(input("INPUT0", "[1,16]", R"("data":)" + sixteen()), R"(,"parameters":{"sequence_start":1})"),
       Code::kInvalidJson, "Unable to parse 'sequence_start'"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_FAILS(decode(simple_model(), c.body), c.code, c.message);
  }
  std::string rows = "[" + sixteen();
  for (int i = 1; i < 9; ++i) rows += "," + sixteen();
  const std::string nine = R"({"inputs":[)" + input("INPUT0", "[9,16]", R"("data":)" + rows + "]") + "," +
                           input("INPUT1", "[9,16]", R"("data":)" + rows + "]") + "]}";
  EXPECT_FAILS(decode(simple_model(), nine), Code::kLimitExceeded, "batch-size must be <= 8 for 'simple', got 9");
}

TEST_F(CodecOpenInference, RefusesBlobsThatDoNotFit) {
  const auto fp32 = identity_model(DType::kFp32);
  const auto bytes = identity_model(DType::kString);
  const std::string four = blob_of<float>({1});
  EXPECT_FAILS(decode(fp32, one("FP32", "[2]", sized(8)), four), Code::kInvalidInput, "expecting 4 additional bytes");
  EXPECT_FAILS(decode(fp32, one("FP32", "[1]", sized(4)), four + "x"), Code::kInvalidInput,
               "unexpected additional input data for model 'ident_FP32'");
  EXPECT_FAILS(decode(fp32, one("FP32", "[2]", sized(4)), four), Code::kInvalidInput, "Expected 8, got 4");
  EXPECT_FAILS(decode(fp32, one("FP32", "[1]", sized(5)), four + "x"), Code::kInvalidInput, "Expected 4, got 5");
  EXPECT_FAILS(decode(fp32, one("FP32", "[1]", sized(UINT64_MAX)), four), Code::kInvalidInput, "additional bytes");
  EXPECT_FAILS(decode(fp32, one("FP32", "[1]", sized(4)) + four), Code::kInvalidJson, "");
  EXPECT_FAILS(decode(fp32, "{}", "", 3), Code::kInvalidJson, "should be in range (0, 2), got: 3");
  EXPECT_FAILS(decode(identity_model(DType::kBool), one("BOOL", "[3]", sized(3)), std::string("\0\1\2", 3)),
               Code::kInvalidInput, "expected bytes 0 and 1 for inference input 'IN' of BOOL, got 2");
  const auto string_blob = [&](const char* shape, const std::string& blob) {
    return decode(bytes, one("BYTES", shape, sized(blob.size())), blob);
  };
  EXPECT_FAILS(string_blob("[3]", bytes_blob({"ab", "c"})), Code::kInvalidInput, "expected 3 string elements");
  EXPECT_FAILS(string_blob("[1]", bytes_blob({"ab", "c"})), Code::kInvalidInput,
               "unexpected number of string elements");
  EXPECT_FAILS(string_blob("[2]", bytes_blob({"ab"}) + "xx"), Code::kInvalidInput,
               "incomplete string length indicator");
  EXPECT_FAILS(string_blob("[1]", std::string("\x09\x00\x00\x00xx", 6)), Code::kInvalidInput,
               "expected 9 bytes in element 0, got 2");
  EXPECT_FAILS(string_blob("[1]", std::string("\xff\xff\xff\xffxx", 6)), Code::kInvalidInput, "incomplete string data");
}

TEST_F(CodecOpenInference, RefusesRawRequestsThatCannotBeDeduced) {
  EXPECT_FAILS(decode(simple_model(), "", "0123", 0), Code::kInvalidInput,
               "Raw request must only have 1 input (found 1) to be deduced but got 2 inputs");
  ModelSpec two_open = identity_model(DType::kFp32);
  two_open.inputs[0].dims = {-1, -1};
  EXPECT_FAILS(decode(two_open, "", "0123", 0), Code::kInvalidInput, "more than one variable-sized dimension");
  EXPECT_FAILS(decode(identity_model(DType::kFp32), "", "01234", 0), Code::kInvalidInput,
               "expected a multiple of 4 bytes");
  EXPECT_FAILS(decode(identity_model(DType::kString), "", "x", 0), Code::kInvalidInput, "must have input shape [1]");
  limits.max_elements = 1;
  EXPECT_FAILS(decode(identity_model(DType::kFp32), "", "01234567", 0), Code::kLimitExceeded,
               "more than the 1 elements");
}

TEST_F(CodecOpenInference, RefusesSixteenBitFloatsInJson) {
  for (const auto& [dtype, name] : {std::pair{DType::kFp16, std::string("FP16")}, {DType::kBf16, "BF16"}}) {
    const ModelSpec spec = identity_model(dtype);
    const std::string blob("\xC0\x3F", 2);
    EXPECT_FAILS(decode(spec, one(name, "[1]", R"("data":[1])")), Code::kInvalidInput,
                 "receiving " + name + " data via JSON is not supported");
    EXPECT_FAILS(decode(spec, one(name, "[1]", sized(2)), blob), Code::kInvalidInput,
                 "sending " + name + " data via JSON is not supported");
    std::string json = one(name, "[1]", sized(2));
    json.back() = ',';
    ASSERT_TRUE(decode(spec, json + R"("parameters":{"binary_data_output":true}})", blob).ok());
    EXPECT_EQ(values<uint16_t>(0), std::vector<uint16_t>{0x3fc0});
  }
}

TEST_F(CodecOpenInference, RefusesOutputsThatAreNoTensors) {
  ModelSpec spec = identity_model(DType::kFp32);
  spec.outputs.push_back(output_spec("probabilities", DType::kFp32, {}));
  spec.outputs[1].kind = Value::Kind::kSequence;
  EXPECT_FAILS(decode(spec, one("FP32", "[1]", R"("data":[1])")), Code::kUnsupported, "use /predict");
  EXPECT_OK(decode(
      spec, R"({"outputs":[{"name":"OUT"}],"inputs":[{"name":"IN","shape":[1],"datatype":"FP32","data":[1]}]})"));
}

TEST_F(CodecOpenInference, DoesNotAllocateWhatADeclaredShapeClaims) {
  const uint64_t before = pool.stats().peak_live_bytes;
  EXPECT_FAILS(decode(identity_model(DType::kFp64), one("FP64", "[60000000]", R"("data":[1,2])")), Code::kInvalidInput,
               "expected 60000000 elements");
  EXPECT_FAILS(decode(identity_model(DType::kString), one("BYTES", "[60000000]", sized(1)), "x"), Code::kInvalidInput,
               "incomplete string length");
  EXPECT_LE(pool.stats().peak_live_bytes, before + 8192);
}

TEST_F(CodecOpenInference, RefusesRequestsWithoutRows) {
  EXPECT_FAILS(decode(batched_model("IN", DType::kFp32, {-1, 2}), one("FP32", "[0,2]", R"("data":[])")),
               Code::kInvalidInput, "batch-size must be >= 1 for 'm'");
}

TEST_F(CodecOpenInference, BoundsTheNestingOfData) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); };
  EXPECT_FAILS(decode(identity_model(DType::kFp32), one("FP32", "[1]", R"("data":)" + nested(120))),
               Code::kLimitExceeded, "JSON nesting depth exceeds maximum allowed limit (100)");
  EXPECT_OK(decode(identity_model(DType::kFp32), one("FP32", "[1]", R"("data":)" + nested(50))));
}

TEST_F(CodecOpenInference, ReadsFlatAndNestedData) {
  for (const std::string& data :
       {sixteen(), "[" + sixteen() + "]", std::string("[[0,1,2,3],[[4,5],6,7],8,9,[10,11,12,13,14,[[15]]]]")}) {
    SCOPED_TRACE(data);
    ASSERT_TRUE(decode(simple_model(), simple(input("INPUT0", "[1,16]", R"("data":)" + data), R"(,"id":"42")")).ok());
    EXPECT_EQ(request.id, "42");
    EXPECT_EQ(request.rows, 1);
    EXPECT_EQ(request.inputs[0].shape, Shape({1, 16}));
    EXPECT_EQ(values<int32_t>(0), values<int32_t>(1));
    EXPECT_EQ(values<int32_t>(0)[15], 15);
    EXPECT_EQ(request.copied.in, 0u);
    EXPECT_EQ(request.binary, (std::vector<bool>{false, false}));
  }
}

TEST_F(CodecOpenInference, TakesKeysInAnyOrderAndIgnoresUnknownOnes) {
  const std::string json =
      R"({"model_name":"simple","outputs":[{"parameters":{"binary_data":true,"x":1},"name":"OUTPUT1"}],
    "inputs":[{"data":)" +
      sixteen() + R"(,"extra":{"a":[1,{}]},"datatype":"INT32","parameters":null,"shape":[1,16],"name":"INPUT1"},
    {"datatype":"INT32","data":[)" +
      sixteen() + R"(],"name":"INPUT0","shape":[1,16],"parameters":{}}],
    "parameters":{"sequence_id":"a","priority":1,"timeout":1000000,"my":1.5,"sequence_start":true},"id":"k"})";
  ASSERT_TRUE(decode(simple_model(), json).ok());
  EXPECT_EQ(request.wanted, std::vector<uint16_t>{1});
  EXPECT_EQ(request.binary, std::vector<bool>{true});
  EXPECT_EQ(request.queue_timeout, std::chrono::seconds(1));
  EXPECT_EQ(request.deadline, kNoDeadline);
  EXPECT_EQ(request.priority, 1u);
  EXPECT_EQ(values<int32_t>(0), values<int32_t>(1));
  EXPECT_EQ(request.id, "k");
}

TEST_F(CodecOpenInference, ReadsBlobsWhereTheyLie) {
  std::vector<int32_t> numbers(16);
  for (int i = 0; i < 16; ++i) numbers[static_cast<size_t>(i)] = i;
  const std::string json = R"({"inputs":[)" + input("INPUT0", "[1,16]", sized(64)) + "," +
                           input("INPUT1", "[1,16]", sized(64)) + R"(],"parameters":{"binary_data_output":true}})";
  ASSERT_TRUE(decode(simple_model(), json, blob_of(numbers) + blob_of(numbers)).ok());
  EXPECT_EQ(values<int32_t>(0), numbers);
  EXPECT_EQ(values<int32_t>(1), numbers);
  EXPECT_EQ(request.inputs[1].data.data() - request.inputs[0].data.data(), 64);  // views of one body
  EXPECT_EQ(reinterpret_cast<uintptr_t>(request.inputs[0].data.data()) % 64, 0u);
  EXPECT_EQ(request.copied.in, 128u);
  EXPECT_EQ(request.binary, (std::vector<bool>{true, true}));
}

TEST_F(CodecOpenInference, CopiesBlobsThatLieMisaligned) {
  const auto spec = identity_model(DType::kFp64);
  const std::string blob = blob_of<double>({1.5, -2.5});
  for (size_t pad = 0; pad < 8; ++pad) {
    SCOPED_TRACE(pad);
    std::string json = one("FP64", "[2]", sized(16));
    json.insert(1, R"("id":")" + std::string(pad, 'x') + R"(",)");
    auto buffer = pool.acquire(json.size() + blob.size() + kJsonPadding).value();
    std::memcpy(buffer.data(), json.data(), json.size());
    std::memcpy(buffer.data() + json.size(), blob.data(), blob.size());
    ASSERT_TRUE(decode_body(spec, buffer.slice(0, json.size() + blob.size()), json.size()).ok());
    EXPECT_EQ(values<double>(0), (std::vector<double>{1.5, -2.5}));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(request.inputs[0].data.data()) % 8, 0u);
    EXPECT_EQ(request.copied.in, json.size() % 8 == 0 ? 16u : 32u);
  }
}

TEST_F(CodecOpenInference, MixesJsonAndBlobs) {
  std::vector<int32_t> numbers(16, 7);
  ASSERT_TRUE(decode(simple_model(), simple(input("INPUT0", "[1,16]", sized(64))), blob_of(numbers)).ok());
  EXPECT_EQ(values<int32_t>(0), numbers);
  EXPECT_EQ(values<int32_t>(1)[15], 15);
  EXPECT_EQ(request.copied.in, 64u);
}

TEST_F(CodecOpenInference, ReadsStringsFromBlobs) {
  const std::vector<std::string> texts = {"ab", "", std::string(1, '\0'), "日本", "\xff\xfe"};
  const std::string blob = bytes_blob(texts);
  ASSERT_TRUE(decode(identity_model(DType::kString), one("BYTES", "[5]", sized(blob.size())), blob).ok());
  EXPECT_EQ(strings(0), texts);
  EXPECT_EQ(request.copied.in, blob.size() + 11);
}

TEST_F(CodecOpenInference, TakesTensorsWithoutElements) {
  ASSERT_TRUE(decode(identity_model(DType::kFp32), one("FP32", "[0]", R"("data":[])")).ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({0}));
  EXPECT_EQ(request.inputs[0].byte_size(), 0u);
  const std::string json = one("FP32", "[0]", sized(0));
  ASSERT_TRUE(decode(identity_model(DType::kFp32), json, "", json.size()).ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({0}));
  ASSERT_TRUE(decode(identity_model(DType::kString), one("BYTES", "[0]", R"("data":[])")).ok());
  EXPECT_EQ(request.inputs[0].offsets, std::vector<uint64_t>{0});
  ModelSpec scalar = identity_model(DType::kFp32);
  scalar.inputs[0].dims = {};
  ASSERT_TRUE(decode(scalar, one("FP32", "[]", sized(4)), blob_of<float>({2})).ok());
  EXPECT_EQ(values<float>(0), std::vector<float>{2});
  EXPECT_FAILS(decode(identity_model(DType::kFp32), one("FP32", "[0]", R"("data":[1])")), Code::kInvalidInput,
               "more than 0 elements");
}

TEST_F(CodecOpenInference, DeducesRawRequests) {
  ASSERT_TRUE(decode(identity_model(DType::kFp32), "", blob_of<float>({1, 2, 3, 4, 5, 6, 7, 8}), 0).ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({8}));
  EXPECT_EQ(request.binary, std::vector<bool>{true});
  EXPECT_EQ(request.copied.in, 32u);
  ASSERT_TRUE(decode(batched_model("x", DType::kFp32, {-1, -1, 2}), "", blob_of<float>({1, 2, 3, 4, 5, 6}), 0).ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({1, 3, 2}));
  EXPECT_EQ(request.rows, 1);
  ModelSpec text = identity_model(DType::kString);
  text.inputs[0].dims = {1};
  ASSERT_TRUE(decode(text, "", "raw text", 0).ok());
  EXPECT_EQ(strings(0), std::vector<std::string>{"raw text"});
}

TEST_F(CodecOpenInference, ChoosesJsonOrBinaryPerOutput) {
  const std::string in0 = input("INPUT0", "[1,16]", R"("data":)" + sixteen());
  const struct {
    const char* rest;
    std::vector<uint16_t> wanted;
    std::vector<bool> binary;
  } cases[] = {
      {R"(,"outputs":[{"name":"OUTPUT1","parameters":{"binary_data":false}}])", {1}, {false}},
      {R"(,"outputs":[{"name":"OUTPUT1"},{"name":"OUTPUT0","parameters":{"binary_data":true}}])",
       {1, 0},
       {false, true}},
      {R"(,"parameters":{"binary_data_output":true},"outputs":[{"name":"OUTPUT0","parameters":{"binary_data":false}},{"name":"OUTPUT1"}])",
       {0, 1},
       {false, false}},
      {R"(,"parameters":{"binary_data_output":true},"outputs":[])", {}, {true, true}},
      {R"(,"outputs":null,"parameters":{"binary_data_output":true})", {}, {true, true}},
      {R"(,"parameters":{"binary_data_output":false})", {}, {false, false}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.rest);
    ASSERT_TRUE(decode(simple_model(), simple(in0, c.rest)).ok());
    EXPECT_EQ(request.wanted, c.wanted);
    EXPECT_EQ(request.binary, c.binary);
  }
}

TEST_F(CodecOpenInference, LeavesOptionalInputsAbsent) {
  ModelSpec spec = simple_model();
  spec.inputs[1].optional = true;
  ASSERT_TRUE(decode(spec, R"({"inputs":[)" + input("INPUT0", "[1,16]", R"("data":)" + sixteen()) + "]}").ok());
  EXPECT_EQ(request.present, (std::vector<bool>{true, false}));
  spec.inputs.push_back(input_spec("INPUT2", DType::kFp32, {-1}));
  EXPECT_FAILS(decode(spec, R"({"inputs":[)" + input("INPUT0", "[1,16]", R"("data":)" + sixteen()) + "]}"),
               Code::kInvalidInput, "expected number of inputs between 2 and 3 but got 1 inputs");
}

}  // namespace
}  // namespace ortserve
