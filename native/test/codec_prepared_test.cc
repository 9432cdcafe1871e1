// SPDX-License-Identifier: Apache-2.0
// Requests to models with a plan: columns, attachments, pruned inputs.
#include "test/codec_fixture.h"

namespace ortserve {
namespace {

TabularColumn number(std::string name) {
  TabularColumn column;
  column.name = std::move(name);
  return column;
}

// "x" FP32 [rows,4] of a number, a one-hot of two and an ordinal with a default.
ModelSpec tabular() {
  TabularColumn age = number("age");
  age.mean = 10;
  age.std = 2;
  age.low = 0;
  TabularColumn city = number("city");
  city.kind = TabularColumn::Kind::kOneHot;
  city.categories = {"Oslo", "a \"b\" \xc3\xbc"};
  TabularColumn size = number("size");
  size.kind = TabularColumn::Kind::kOrdinal;
  size.categories = {"s", "7"};
  size.codes = {5, 6};
  size.default_category = "s";
  ModelSpec spec = batched_model("x", DType::kFp32, {-1, 4});
  EXPECT_TRUE(attach_input_plan(TabularPlan{{age, city, size}}, spec, spec.inputs[0]).ok());
  return spec;
}

// "x" UINT8 [rows,1,2,3], images of 2 x 1 pixels, and "n" FP32 [rows,1], a tensor.
ModelSpec pictures() {
  ModelSpec spec = batched_model("x", DType::kUint8, {-1, 1, 2, 3});
  EXPECT_TRUE(attach_input_plan(ImagePlan(), spec, spec.inputs[0]).ok());
  spec.inputs.push_back(input_spec("n", DType::kFp32, {-1, 1}));
  spec.inputs[1].optional = true;
  return spec;
}

ModelSpec pruned() {
  ModelSpec spec = batched_model("x", DType::kFp32, {-1, 3});
  spec.inputs[0].live = std::make_shared<const LiveIndices>(LiveIndices::parse("0,2-3", 5).value());
  spec.show_unpruned();
  return spec;
}

class CodecPrepared : public CodecTest {
 protected:
  Status decode_with(const ModelSpec& spec, std::vector<Attachment> attachments, const std::string& json,
                     uint64_t first = 0) {
    auto body = BodyBuffer::create(pool, json.size(), 0, 1u << 30);
    EXPECT_TRUE(body->append(std::as_bytes(std::span(json))).ok());
    request = WireRequest();
    request.attachments = std::move(attachments);
    request.first_attachment = first;
    return decode_request(spec, body->take(), std::nullopt, limits, pool, request);
  }

  Attachment picture(uint8_t first) {
    Attachment attachment{pool.acquire(6).value(), 2, 1, 3};
    for (size_t i = 0; i < 6; ++i) attachment.data.as<uint8_t>()[i] = static_cast<uint8_t>(first + i);
    return attachment;
  }
};

TEST_F(CodecPrepared, RefusesRowsThatDoNotFitTheColumns) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"instances":[{"city":"Oslo"}]})", "missing feature 'age' of input 'x', which has no default"},
      {R"({"instances":[{}]})", "missing feature 'age'"},
      {R"({"instances":[{"age":1,"city":"Oslo"},{"age":-1,"city":"Oslo"}]})",
       "expected a number of at least 0 for feature 'age' in row 1, got -1"},
      {R"({"age":true,"city":"Olso"})",
       "expected one of its 2 categories for feature 'city', got 'Olso'; did you mean"},
      {R"({"age":[1],"city":"Oslo"})", "expected a single value for feature 'age'"},
      {R"({"age":"\ud800","city":"Oslo"})", "for feature 'age'"},
      {R"({"instances":[[1,"Oslo"]]})", "expected 3 values for input 'x' (age, city, size), got 2"},
      {R"({"instances":[[1,"Oslo","s",4]]})", "got more"},
      {R"({"instances":[[1,["Oslo"],"s"]]})", "expected a single value"},
      {R"({"instances":[{"x":[1,2,3,4],"age":1}]})", "expected input 'x' or its features, got both"},
      {R"({"instances":[{"x":[1,2,3,4]},{"age":1,"city":"Oslo"}]})", "in the same form"},
  };
  const ModelSpec spec = tabular();
  for (const auto& [body, message] : cases) {
    SCOPED_TRACE(body);
    EXPECT_FAILS(decode(spec, body), Code::kInvalidInput, message);
  }
  EXPECT_FAILS(decode(spec, R"({"age":1,"city":"\q"})"), Code::kInvalidJson, "string with valid escapes");
  EXPECT_FAILS(decode(spec, R"({"age":1,"age":2})"), Code::kInvalidJson, "duplicate key 'age'");
}

TEST_F(CodecPrepared, ReadsColumnsInAnyOrderAndForm) {
  const ModelSpec spec = tabular();
  EXPECT_OK(decode(
      spec, R"({"instances":[{"size":7,"city":"a \"b\" \u00fc","age":14},{"age":10,"city":"Oslo","size":null}]})"));
  EXPECT_EQ(values<float>(0), (std::vector<float>{2, 0, 1, 6, 0, 1, 0, 5}));
  EXPECT_EQ(request.rows, 2);
  EXPECT_OK(decode(spec, R"({"instances":[[8,"Oslo","s"],[6,"Oslo","7"]]})"));
  EXPECT_EQ(values<float>(0), (std::vector<float>{-1, 1, 0, 5, -2, 1, 0, 6}));
  EXPECT_OK(decode(spec, R"({"inputs":{"x":[[1,2,3,4]]}})"));  // the tensor
  EXPECT_EQ(values<float>(0), (std::vector<float>{1, 2, 3, 4}));
}

TEST_F(CodecPrepared, RefusesListsThatDoNotFitTheColumns) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"inputs":{"age":1,"city":["Oslo"]}})", "expected a list of values for feature 'age', one per row"},
      {R"({"inputs":{"age":[],"city":[]}})", "expected one value or more for feature 'age', got none"},
      {R"({"inputs":{"age":[1,[2]],"city":["Oslo"]}})", "expected a single value for feature 'age' in row 1"},
      {R"({"inputs":{"age":[1,2],"city":["Oslo"]}})", "as many values for feature 'city' as for 'age', 2, got 1"},
      {R"({"inputs":{"age":[1,-2],"city":["Oslo","Oslo"]}})", "at least 0 for feature 'age' in row 1, got -2"},
      {R"({"inputs":{"city":["Oslo"]}})", "missing feature 'age' of input 'x', which has no default"},
      {R"({"inputs":{}})", "missing input 'x'"},
      {R"({"inputs":{"x":[[1,2,3,4]],"age":[1]}})", "expected input 'x' or its features, got both"},
  };
  const ModelSpec spec = tabular();
  for (const auto& [body, message] : cases) {
    SCOPED_TRACE(body);
    EXPECT_FAILS(decode(spec, body), Code::kInvalidInput, message);
  }
  EXPECT_FAILS(decode(spec, R"({"inputs":{"age":[1 2]}})"), Code::kInvalidJson, "");
  EXPECT_FAILS(decode(spec, R"({"inputs":{"age":[1],"age":[1]}})"), Code::kInvalidJson, "duplicate key 'age'");
}

TEST_F(CodecPrepared, ReadsListsOfColumns) {
  const ModelSpec spec = tabular();
  EXPECT_OK(decode(spec, R"({"inputs":{"size":[ 7 , null ],"city":["a \"b\" \u00fc","Oslo"],"age":[14,10]}})"));
  EXPECT_EQ(values<float>(0), (std::vector<float>{2, 0, 1, 6, 0, 1, 0, 5}));
  EXPECT_EQ(request.rows, 2);
  EXPECT_OK(decode(spec, R"({"inputs":{"age":[8],"city":["Oslo"]}})"));  // a column with a default need not come
  EXPECT_EQ(values<float>(0), (std::vector<float>{-1, 1, 0, 5}));
}

TEST_F(CodecPrepared, RefusesWhatIsNoAttachment) {
  const ModelSpec spec = pictures();
  const std::pair<const char*, const char*> cases[] = {
      {R"({"instances":[{"x":1}]})", "expected an image"},
      {R"({"instances":[{"x":-1}]})", "expected an image"},
      {R"({"instances":[{"x":"AAAA"}]})", "expected an image"},
      {R"({"instances":[{"x":0},{"x":18446744073709551615}]})", "for input 'x' in row 1"},
      {R"({"instances":[{"x":[[[1,2,3],[4,5,6]]]}]})", "expected an image"},  // attachments and tensors do not mix
  };
  for (const auto& [body, message] : cases) {
    SCOPED_TRACE(body);
    EXPECT_FAILS(decode_with(spec, {picture(0)}, body), Code::kInvalidInput, message);
  }
  Attachment wide = picture(0);
  wide.width = 1;
  wide.data = wide.data.slice(0, 3);
  EXPECT_FAILS(decode_with(spec, {wide}, R"({"x":0})"), Code::kInvalidInput, "expected 2 x 1 pixels of 3 channels");
  Attachment sound{pool.acquire(6).value(), 3, 0, 1};
  EXPECT_FAILS(decode_with(spec, {sound}, R"({"x":0})"), Code::kInvalidInput, "expected an image for input 'x'");
  EXPECT_FAILS(decode_with(spec, {}, R"({"x":0})"), Code::kInvalidInput, "expected an image");
}

TEST_F(CodecPrepared, RefusesNumbersThatAreNotAmongTheAttachments) {
  const ModelSpec spec = pictures();
  const uint64_t first = uint64_t{1} << 48;
  for (const char* number :
       {"0", "1", "281474976710655", "281474976710658", "-1", "18446744073709551615", "2.5", "true"}) {
    SCOPED_TRACE(number);
    const std::string rows = R"({"x":281474976710656},{"x":)" + std::string(number) + "}";
    EXPECT_FAILS(decode_with(spec, {picture(0), picture(10)}, R"({"instances":[)" + rows + "]}", first),
                 Code::kInvalidInput, "for input 'x' in row 1 at");
    EXPECT_FAILS(decode_with(spec, {}, R"({"inputs":{"x":[)" + std::string(number) + "]}}", first), Code::kInvalidInput,
                 "input 'x'");  // without attachments a list of numbers is a tensor
  }
  EXPECT_OK(decode_with(spec, {picture(0), picture(10)}, R"({"instances":[281474976710657,281474976710656]})", first));
  EXPECT_EQ(values<uint8_t>(0), (std::vector<uint8_t>{10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5}));
}

TEST_F(CodecPrepared, PutsAttachmentsWhereTheirNumbersStand) {
  const ModelSpec spec = pictures();
  EXPECT_OK(
      decode_with(spec, {picture(0), picture(10)}, R"({"instances":[{"n":5,"x":1},{"x":0,"n":6},{"x":1,"n":7}]})"));
  EXPECT_EQ(values<uint8_t>(0),
            (std::vector<uint8_t>{10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15}));
  EXPECT_EQ(values<float>(1), (std::vector<float>{5, 6, 7}));
  EXPECT_OK(decode_with(spec, {picture(3)}, R"({"instances":[0]})"));
  EXPECT_EQ(request.inputs[0].shape, (Shape{1, 1, 2, 3}));
  EXPECT_OK(decode_with(spec, {picture(3)}, R"({"inputs":{"x":[0]}})"));
  EXPECT_EQ(values<uint8_t>(0), (std::vector<uint8_t>{3, 4, 5, 6, 7, 8}));
  EXPECT_TRUE(request.attachments.empty());
}

TEST_F(CodecPrepared, KeepsOnlyTheLiveElements) {
  const ModelSpec spec = pruned();
  EXPECT_FAILS(decode(spec, R"({"instances":[[0,1,2,3]]})"), Code::kInvalidInput,
               "expected FP32 [-1,5] for input 'x', got FP32 [1,4]");
  EXPECT_OK(decode(spec, R"({"instances":[[0,1,2,3,4],[10,11,12,13,14]]})"));
  EXPECT_EQ(request.inputs[0].shape, (Shape{2, 3}));
  EXPECT_EQ(values<float>(0), (std::vector<float>{0, 2, 3, 10, 12, 13}));
  EXPECT_EQ(request.input_bytes, 24u);
  EXPECT_OK(decode(spec, R"({"instances":[[7,8,9]]})"));  // a client that knows
  EXPECT_EQ(values<float>(0), (std::vector<float>{7, 8, 9}));

  format = WireFormat::kOpenInference;
  const std::string json =
      R"({"inputs":[{"name":"x","datatype":"FP32","shape":[2,5],"parameters":{"binary_data_size":40}}]})";
  EXPECT_OK(decode(spec, json, blob_of<float>({0, 1, 2, 3, 4, 10, 11, 12, 13, 14})));
  EXPECT_EQ(values<float>(0), (std::vector<float>{0, 2, 3, 10, 12, 13}));
}

TEST(LiveIndices, ReadText) {
  const auto parsed = [](const char* text) {
    auto live = LiveIndices::parse(text, 10);
    return live.ok() ? std::vector<uint32_t>(live->indices().begin(), live->indices().end()) : std::vector<uint32_t>{};
  };
  EXPECT_EQ(parsed("0,2-4,9"), (std::vector<uint32_t>{0, 2, 3, 4, 9}));
  for (const char* text :
       {"", "x", "1,", ",1", "3-1", "1-", "-1", "10", "5-10", "1 ,2", "2,1", "1,1-2", "99999999999"}) {
    EXPECT_TRUE(parsed(text).empty()) << text;
  }
}

}  // namespace
}  // namespace ortserve
