// SPDX-License-Identifier: Apache-2.0
// The predict form of requests: instances, inputs and bare objects.
#include "test/codec_fixture.h"

namespace ortserve {
namespace {

class CodecPredict : public CodecTest {};

ModelSpec images() {
  return batched_model("image", DType::kFp32, {-1, 2, 3, 1});
}

ModelSpec iris() {
  ModelSpec spec = batched_model("X", DType::kFp32, {-1, 3});
  spec.inputs[0].features = {"sepal_length", "sepal_width", "petal_length"};
  return spec;
}

// "a" FP32 rows of 2, "b" BYTES [rows,1], "c" optional INT64 [rows].
ModelSpec several() {
  ModelSpec spec = batched_model("a", DType::kFp32, {-1, 2});
  spec.inputs.push_back(input_spec("b", DType::kString, {-1, 1}));
  spec.inputs.push_back(input_spec("c", DType::kInt64, {-1}));
  spec.inputs[2].optional = true;
  return spec;
}

struct Refusal {
  const char* body;
  Code code;
  const char* message;
};

TEST_F(CodecPredict, RefusesInstancesThatDoNotFit) {
  const Refusal cases[] = {
      {R"({"instances":[]})", Code::kInvalidInput, "expected at least one instance"},
      {R"({"instances":{}})", Code::kInvalidInput, "expected an array of instances"},
      {R"({"instances":5})", Code::kInvalidInput, "expected an array of instances"},
      {R"({"instances":[[1,2,3,4,5,6]]})", Code::kInvalidInput,
       "expected FP32 [-1,2,3,1] for input 'image', got FP32 [1,6]"},
      {R"({"instances":[[[[1],[2]],[[4],[5]]]]})", Code::kInvalidInput, "got FP32 [1,2,2,1]"},
      {R"({"instances":[1,2]})", Code::kInvalidInput, "got FP32 [2]"},
      {R"({"instances":[[]]})", Code::kInvalidInput, "got FP32 [1,0]"},
      {R"({"instances":[[[[1],[2],[3]],[[4],[5]]]]})", Code::kInvalidInput, "arrays of 3 and of 2 items"},
      {R"({"instances":[[[[1],[2],[3]],[[4],[5],6]]]})", Code::kInvalidInput, "arrays and single values are mixed"},
      {R"({"instances":[[[[1],[2],[3]],[4,5,6]]]})", Code::kInvalidInput, "values stand at different depths (4 and 3)"},
      {R"({"instances":[[[[1],[2],[3]],[[4],[5],[[6]]]]]})", Code::kInvalidInput, "different depths (4 and 5)"},
      {R"({"instances":[[[[1,[2]]]]]})", Code::kInvalidInput, "arrays and single values are mixed"},
      {R"({"instances":[[[[[[[[[1]]]]]]]]]})", Code::kInvalidInput, "nested deeper than 8 dims"},
      {R"({"instances":[[[[[[[[[]]]]]]]]]})", Code::kInvalidInput, "nested deeper than 8 dims"},
      {R"({"instances":[1],"inputs":[1]})", Code::kInvalidInput, "only one of 'instances' and 'inputs'"},
      {R"({"instances":[1],"foo":[1]})", Code::kInvalidInput, "unexpected key 'foo' beside 'instances'"},
      {R"({"instance":[1]})", Code::kInvalidInput, "unexpected name 'instance' for model 'm'; did you mean 'image'?"},
      {R"({})", Code::kInvalidInput, "missing input 'image' for model 'm': expected FP32 [-1,2,3,1]"},
      {R"({"instances":[{"img":[1]}]})", Code::kInvalidInput, "did you mean 'image'?"},
      {R"({"instances":[{"image":[[[1],[2],[3]],[[4],[5],[6]]]},[1]]})", Code::kInvalidInput,
       "as the first instance is"},
      {R"({"instances":[{"image":1,"image":1}]})", Code::kInvalidJson, "duplicate key 'image'"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_FAILS(decode(images(), c.body), c.code, c.message);
  }
}

TEST_F(CodecPredict, RefusesRowsThatDifferHoweverManyAgreedBefore) {
  const std::string good = "[[1,2],[3,4],[5,6]]";
  const Refusal cases[] = {
      {"[[1,2],[3,4],[5]]", Code::kInvalidInput, "arrays of 2 and of 1 items"},
      {"[[1,2],[3,4],[5,6,7]]", Code::kInvalidInput, "arrays of 2 and of 3 items"},
      {"[[1,2],[3,4],5]", Code::kInvalidInput, "arrays and single values are mixed"},
      {"[[1,2],[3,4],[5,[6]]]", Code::kInvalidInput, "ragged"},
      {"[[1,2],[3,\"4\"],[5,6]]", Code::kInvalidInput, "got the string \"4\""},
      {"[[1,2],[3,4],]", Code::kInvalidJson, "expected an array"},
      {"[[1,2],[3,4] [5,6]]", Code::kInvalidJson, "',' or ']'"},
      {"[[1,2],[3 4],[5,6]]", Code::kInvalidJson, ""},
  };
  ModelSpec spec = images();
  spec.inputs[0].dims = {-1, 3, 2};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_FAILS(decode(spec, "{\"instances\":[" + good + "," + c.body + "]}"), c.code, c.message);
  }
}

TEST_F(CodecPredict, ReadsShortRowsOfEveryKindOfNumber) {
  std::string rows;
  for (int i = 0; i < 1000; ++i) rows += (i ? ", [" : "[") + std::to_string(i) + (i == 500 ? ", 1e-3" : ",2") + ",3 ]";
  for (const DType dtype : {DType::kFp32, DType::kFp64, DType::kFp16, DType::kUint8, DType::kInt64}) {
    SCOPED_TRACE(dtype_name(dtype));
    ModelSpec spec = images();
    spec.inputs[0].dims = {-1, 3};
    spec.inputs[0].dtype = dtype;
    const Status status = decode(spec, "{\"instances\":[" + rows + "]}");
    const bool whole = dtype == DType::kUint8 || dtype == DType::kInt64;
    EXPECT_EQ(status.ok(), !whole) << status.message();  // 1e-3 is no integer, and 256 no UINT8
    if (dtype != DType::kFp32) continue;
    EXPECT_EQ(request.inputs[0].shape, (Shape{1000, 3}));
    const float* values = request.inputs[0].data.as<float>();
    for (int i = 0; i < 1000; ++i) {
      EXPECT_EQ(values[3 * i], static_cast<float>(i));
      EXPECT_EQ(values[3 * i + 1], i == 500 ? 1e-3f : 2);
    }
  }
}

TEST_F(CodecPredict, RefusesNamedValuesThatDoNotFit) {
  const Refusal cases[] = {
      {R"({"instances":[[1,2]]})", Code::kInvalidInput, "has 3 inputs"},
      {R"({"inputs":[[1,2]]})", Code::kInvalidInput,
       "expected 'inputs' to be an object with 'a', 'b', 'c', got an array"},
      {R"({"inputs":{"a":[[1,2]]}})", Code::kInvalidInput, "missing input 'b'"},
      {R"({"inputs":{"a":[[1,2]],"b":["x"],"d":[1]}})", Code::kInvalidInput, "unexpected name 'd'"},
      {R"({"inputs":{"a":[[1,2]],"b":["x","y"]}})", Code::kInvalidInput, "batch size does not match"},
      {R"({"inputs":{"a":[[1,2]],"a":[[1,2]],"b":["x"]}})", Code::kInvalidJson, "duplicate key 'a'"},
      {R"({"instances":[{"a":[1,2],"b":"x"},{"a":[1,2]}]})", Code::kInvalidInput, "missing input 'b'"},
      {R"({"instances":[{"a":[1,2],"b":"x"},{"a":[1,2,3],"b":"x"}]})", Code::kInvalidInput,
       "arrays of 2 and of 3 items"},
      {R"({"instances":[{"a":[1,2],"b":"x"},{"a":1,"b":"x"}]})", Code::kInvalidInput, "ragged"},
      {R"({"instances":[{"a":[1,2],"b":"x","c":1},{"a":[1,2],"b":"x"}]})", Code::kInvalidInput,
       "input 'c' must be in all instances or in none: instance 1 differs"},
      {R"({"instances":[{"a":[1,2],"b":"x"},{"a":[1,2],"b":"x","c":1}]})", Code::kInvalidInput, "instance 1 differs"},
      {R"({"a":[1,2],"b":7})", Code::kInvalidInput, "expected BYTES (a string)"},
      {R"({"a":[1,2],"b":"x","e":7})", Code::kInvalidInput,
       "expected 'instances', 'inputs' or an object of named inputs"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_FAILS(decode(several(), c.body), c.code, c.message);
  }
}

TEST_F(CodecPredict, RefusesFeaturesThatDoNotFit) {
  const Refusal cases[] = {
      {R"({"sepal_length":1,"sepal_width":2})", Code::kInvalidInput,
       "missing feature 'petal_length' of input 'X': expected all 3 features"},
      {R"({"sepal_length":1,"sepal_width":2,"petal_lenght":3})", Code::kInvalidInput, "did you mean 'petal_length'?"},
      {R"({"sepal_length":1,"sepal_width":2,"petal_length":"3"})", Code::kInvalidInput, "got the string \"3\""},
      {R"({"sepal_length":1,"sepal_width":2,"petal_length":[3]})", Code::kInvalidInput,
       "a single value for feature 'petal_length'"},
      {R"({"sepal_length":1,"sepal_length":2,"petal_length":3})", Code::kInvalidJson, "duplicate key 'sepal_length'"},
      {R"({"sepal_length":1,"sepal_width":2,"petal_length":3,"X":[1,2,3]})", Code::kInvalidInput, "got both"},
      {R"({"sepal_length":1,"sepal_width":2,"petal_length":tru})", Code::kInvalidJson, "tru"},
      {R"({"sepal_length":1,"sepal_width":2,"petal_length":})", Code::kInvalidJson, "got '}'"},
      {R"({"id":1})", Code::kInvalidJson, "Unable to parse 'id'"},
      {R"({"id":"x"})", Code::kInvalidInput, "missing input 'X'"},
      {R"({"inputs":{"sepal_length":[1],"sepal_width":[2]}})", Code::kInvalidInput, "missing feature 'petal_length'"},
      {R"({"inputs":{"sepal_length":[1],"sepal_width":[2],"petal_length":[3,4]}})", Code::kInvalidInput,
       "as many values for feature 'petal_length' as for 'sepal_length', 1, got 2"},
      {R"({"inputs":{"sepal_length":1,"sepal_width":2,"petal_length":3}})", Code::kInvalidInput,
       "a list of values for feature 'sepal_length', one per row"},
      {R"({"inputs":{"sepal_length":["1"],"sepal_width":[2],"petal_length":[3]}})", Code::kInvalidInput,
       "got the string \"1\""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_FAILS(decode(iris(), c.body), c.code, c.message);
  }
}

TEST_F(CodecPredict, RefusesWrongOptions) {
  const Refusal cases[] = {
      {R"({"instances":[[1,2,3]],"id":7})", Code::kInvalidJson, "Unable to parse 'id': expected a string"},
      {R"({"instances":[[1,2,3]],"outputs":"y"})", Code::kInvalidJson, "expected an array"},
      {R"({"instances":[[1,2,3]],"outputs":["y" "y"]})", Code::kInvalidJson, "expected ',' or ']'"},
      {R"({"instances":[[1,2,3]],"outputs":["y",]})", Code::kInvalidJson, "expected a value"},
      {R"({"instances":[[1,2,3]],"outputs":["z"]})", Code::kInvalidInput, "unexpected inference output 'z'"},
      {R"({"instances":[[1,2,3]],"outputs":["y","y"]})", Code::kInvalidInput, "output 'y' already exists"},
      {R"({"instances":[[1,2,3]],"parameters":[]})", Code::kInvalidJson, "expected an object"},
      {R"({"instances":[[1,2,3]],"parameters":{"timeout":"soon"}})", Code::kInvalidJson, "Unable to parse 'timeout'"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_FAILS(decode(iris(), c.body), c.code, c.message);
  }
  EXPECT_FAILS(decode(iris(), R"({"instances":[[1,2,3]]})", "blob"), Code::kInvalidJson,
               "4 bytes after the request JSON");
  ModelSpec most_two = iris();
  most_two.max_rows = 2;
  EXPECT_OK(decode(most_two, R"({"instances":[[1,2,3],[1,2,3]]})"));
  EXPECT_FAILS(decode(most_two, R"({"instances":[[1,2,3],[1,2,3],[1,2,3]]})"), Code::kLimitExceeded,
               "batch-size must be <= 2 for 'm', got 3");
}

TEST_F(CodecPredict, TakesExactlyOneInstanceWithoutBatching) {
  ModelSpec spec = identity_model(DType::kFp32);
  EXPECT_FAILS(decode(spec, R"({"instances":[[1,2],[3,4]]})"), Code::kInvalidInput, "expected exactly one instance");
  EXPECT_FAILS(decode(spec, R"({"instances":[]})"), Code::kInvalidInput, "at least one instance");
  EXPECT_FAILS(decode(spec, R"({"instances":[[[1]]]})"), Code::kInvalidInput, "got FP32 [1,1]");
  ASSERT_TRUE(decode(spec, R"({"instances":[[1,2]]})").ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({2}));
  EXPECT_EQ(request.rows, 1);
  ASSERT_TRUE(decode(spec, R"({"instances":[{"IN":[1,2,3]}]})").ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({3}));
  ASSERT_TRUE(decode(spec, R"({"IN":7})").ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({1}));
  spec.inputs[0].dims = {};
  ASSERT_TRUE(decode(spec, R"({"inputs":7})").ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({}));
  EXPECT_EQ(values<float>(0), std::vector<float>{7});
  spec.inputs[0].dims = {2};
  spec.inputs[0].features = {"f", "g"};
  ASSERT_TRUE(decode(spec, R"({"g":2,"f":1})").ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({2}));
  EXPECT_EQ(values<float>(0), (std::vector<float>{1, 2}));
}

TEST_F(CodecPredict, StacksInstancesAsRows) {
  ASSERT_TRUE(
      decode(images(), R"({"instances":[[[[1],[2],[3]],[[4],[5],[6]]],[[[7],[8],[9]],[[10],[11],[12]]]]})").ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({2, 2, 3, 1}));
  EXPECT_EQ(values<float>(0), (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(request.rows, 2);
  EXPECT_EQ(request.input_bytes, 48u);
  EXPECT_TRUE(request.present[0]);
  EXPECT_EQ(request.copied.in, 0u);
  EXPECT_EQ(request.shape_key, shape_key_of(request, true));
  EXPECT_EQ(request.binary, std::vector<bool>{false});
}

TEST_F(CodecPredict, TakesScalarsWhereARowIsOneElement) {
  ASSERT_TRUE(decode(batched_model("x", DType::kInt64, {-1, 1}), R"({"instances":[1,2,3]})").ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({3, 1}));
  EXPECT_EQ(values<int64_t>(0), (std::vector<int64_t>{1, 2, 3}));
  ASSERT_TRUE(decode(batched_model("x", DType::kString, {-1}), R"({"instances":["a","b"]})").ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({2}));
  EXPECT_EQ(strings(0), (std::vector<std::string>{"a", "b"}));
  EXPECT_FAILS(decode(batched_model("x", DType::kInt64, {-1, 2}), R"({"instances":[1,2]})"), Code::kInvalidInput,
               "got INT64 [2]");
}

TEST_F(CodecPredict, TakesSeveralInputsByName) {
  ASSERT_TRUE(decode(several(), R"({"instances":[{"b":"x","a":[1,2]},{"a":[3,4],"b":["y"]}]})").ok() == false);
  ASSERT_TRUE(decode(several(), R"({"instances":[{"b":"x","a":[1,2],"c":5},{"a":[3,4],"c":6,"b":"y"}]})").ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({2, 2}));
  EXPECT_EQ(request.inputs[1].shape, Shape({2, 1}));
  EXPECT_EQ(request.inputs[2].shape, Shape({2}));
  EXPECT_EQ(values<float>(0), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(strings(1), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(values<int64_t>(2), (std::vector<int64_t>{5, 6}));
  ASSERT_TRUE(decode(several(), R"({"inputs":{"b":[["x"],["y"]],"a":[[1,2],[3,4]]}})").ok());
  EXPECT_EQ(request.present, (std::vector<bool>{true, true, false}));
  EXPECT_EQ(request.inputs[2].shape.rank(), 0u);
  EXPECT_EQ(request.rows, 2);
  ASSERT_TRUE(decode(several(), R"({"a":[1,2],"b":"x"})").ok());
  EXPECT_EQ(request.rows, 1);
  EXPECT_EQ(strings(1), std::vector<std::string>{"x"});
}

TEST_F(CodecPredict, GivesNamelessValuesToTheOnlyInputThatMustCome) {
  ModelSpec spec = several();
  spec.inputs[1].optional = true;
  ASSERT_TRUE(decode(spec, R"({"instances":[[1,2],[3,4]]})").ok());
  EXPECT_EQ(request.present, (std::vector<bool>{true, false, false}));
  EXPECT_EQ(request.inputs[0].shape, Shape({2, 2}));
}

TEST_F(CodecPredict, TakesColumnsBareOrNamed) {
  for (const char* body : {R"({"inputs":[[1,2,3],[4,5,6]]})", R"({"inputs":{"X":[[1,2,3],[4,5,6]]}})",
                           R"({"instances":[{"X":[1,2,3]},{"X":[4,5,6]}]})"}) {
    SCOPED_TRACE(body);
    ASSERT_TRUE(decode(iris(), body).ok());
    EXPECT_EQ(request.inputs[0].shape, Shape({2, 3}));
    EXPECT_EQ(values<float>(0), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  }
}

TEST_F(CodecPredict, TakesFeaturesInAnyOrder) {
  ASSERT_TRUE(decode(iris(), R"({"petal_length":3,"id":"q","sepal_length":1,"sepal_width":2})").ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({1, 3}));
  EXPECT_EQ(values<float>(0), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(request.id, "q");
  ASSERT_TRUE(decode(iris(), R"({"instances":[{"sepal_length":1,"sepal_width":2,"petal_length":3},
                                              {"petal_length":6,"sepal_width":5,"sepal_length":4}]})")
                  .ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({2, 3}));
  EXPECT_EQ(values<float>(0), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  ModelSpec named_like_options = iris();
  named_like_options.inputs[0].features = {"id", "outputs", "parameters"};
  ASSERT_TRUE(decode(named_like_options, R"({"id":1,"outputs":2,"parameters":3})").ok());
  EXPECT_EQ(values<float>(0), (std::vector<float>{1, 2, 3}));
  ModelSpec texts = iris();
  texts.inputs[0].dtype = DType::kString;
  ASSERT_TRUE(decode(texts, R"({"petal_length":"c","sepal_length":"a","sepal_width":"b"})").ok());
  EXPECT_EQ(strings(0), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(CodecPredict, TakesListsOfFeatures) {
  ASSERT_TRUE(decode(iris(), R"({"inputs":{"petal_length":[3,6],"sepal_length":[1,4],"sepal_width":[2,5]}})").ok());
  EXPECT_EQ(request.inputs[0].shape, Shape({2, 3}));
  EXPECT_EQ(values<float>(0), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  ModelSpec shadowed = iris();
  shadowed.inputs[0].features = {"X", "b", "c"};  // a feature named as the input: "X" is the input
  ASSERT_TRUE(decode(shadowed, R"({"inputs":{"X":[[1,2,3]]}})").ok());
  EXPECT_EQ(values<float>(0), (std::vector<float>{1, 2, 3}));
}

TEST_F(CodecPredict, ReadsOptionsWhereverTheyStand) {
  ModelSpec spec = iris();
  spec.outputs.push_back(output_spec("z", DType::kFp32, {-1}));
  ASSERT_TRUE(decode(spec, R"({"outputs":["z","y"],"id":"a\u0041","parameters":{"timeout":1500,"note":true},
                               "signature_name":"serving_default","instances":[[1,2,3]]})")
                  .ok());
  EXPECT_EQ(request.wanted, (std::vector<uint16_t>{1, 0}));
  EXPECT_EQ(request.binary, (std::vector<bool>{false, false}));
  EXPECT_EQ(request.id, "aA");
  EXPECT_EQ(request.queue_timeout, std::chrono::microseconds(1500));
  ASSERT_TRUE(decode(spec, R"({"instances":[[1,2,3]],"id":null,"parameters":{"timeout":0}})").ok());
  EXPECT_EQ(request.queue_timeout, Nanoseconds(0));
}

TEST_F(CodecPredict, ReadsSixteenBitFloats) {
  ASSERT_TRUE(decode(batched_model("x", DType::kFp16, {-1, 3}), R"({"instances":[[1,-2,0.333251953125]]})").ok());
  EXPECT_EQ(values<uint16_t>(0), (std::vector<uint16_t>{0x3c00, 0xc000, 0x3555}));
}

}  // namespace
}  // namespace ortserve
