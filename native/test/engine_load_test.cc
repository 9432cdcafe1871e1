// SPDX-License-Identifier: Apache-2.0
#include <thread>
#include <utility>

#include "test/engine_fixture.h"
#include "test/onnx_writer.h"

namespace ortserve {
namespace {

using testing::EngineTest;
using testing::model_path;
namespace onnx = testing::onnx;

constexpr int kFloat = 1, kFloat8 = 17;

class EngineLoad : public EngineTest {
 protected:
  void expect_refused(const std::string& path, Code code, const std::string& words) {
    const auto session = try_load(path);
    ASSERT_FALSE(session.ok()) << path;
    EXPECT_EQ(session.status().code(), code) << session.status().message();
    EXPECT_NE(session.status().message().find(words), std::string::npos) << session.status().message();
    EXPECT_NE(session.status().message().find("'" + path + "'"), std::string::npos) << session.status().message();
  }
  std::string identity(const std::string& input, const std::string& output, int opset = 17) {
    return write_model(onnx::model({onnx::node("Identity", {"x"}, {"y"})}, {onnx::value("x", input)},
                                   {onnx::value("y", output)}, opset));
  }
};

TEST_F(EngineLoad, MissingFile) {
  expect_refused(folder_.path() / "absent.onnx", Code::kModelNotFound, "no model file");
  expect_refused(model_path("simple") + "/model.onnx", Code::kModelNotFound, "no model file");
}

TEST_F(EngineLoad, Folder) {
  expect_refused(folder_.path(), Code::kLoadFailed, "is a directory");
}

TEST_F(EngineLoad, EmptyFile) {
  expect_refused(model_path("empty"), Code::kLoadFailed, "is empty");
}

TEST_F(EngineLoad, CorruptAndTruncatedFile) {
  expect_refused(model_path("corrupt"), Code::kLoadFailed, "Protobuf parsing failed");
  expect_refused(model_path("truncated"), Code::kLoadFailed, "Protobuf parsing failed");
}

TEST_F(EngineLoad, UnsupportedOpset) {
  const auto type = onnx::tensor_type(kFloat, {"n"});
  expect_refused(identity(type, type, 999), Code::kLoadFailed, "Opset 999");
}

TEST_F(EngineLoad, UnknownOperator) {
  const auto type = onnx::tensor_type(kFloat, {"n"});
  const auto path = write_model(
      onnx::model({onnx::node("NoSuchOperator", {"x"}, {"y"})}, {onnx::value("x", type)}, {onnx::value("y", type)}));
  expect_refused(path, Code::kLoadFailed, "NoSuchOperator");
}

TEST_F(EngineLoad, MissingExternalData) {
  std::filesystem::copy_file(model_path("external"), folder_.path() / "alone.onnx");
  expect_refused(folder_.path() / "alone.onnx", Code::kLoadFailed, "external.bin");
}

TEST_F(EngineLoad, MoreThanEightDims) {
  const auto type = onnx::tensor_type(kFloat, std::vector<onnx::Dim>(9, int64_t{1}));
  expect_refused(identity(type, type), Code::kLoadFailed, "input 'x' has 9 dimensions, at most 8");
}

TEST_F(EngineLoad, InputThatIsNoTensor) {
  const auto type = onnx::sequence_type(onnx::tensor_type(kFloat, {"n"}));
  expect_refused(identity(type, type), Code::kLoadFailed, "input 'x' is not a tensor");
}

TEST_F(EngineLoad, InputWithoutRank) {
  expect_refused(identity(onnx::unranked_type(kFloat), onnx::unranked_type(kFloat)), Code::kLoadFailed,
                 "input 'x' declares no rank");
}

TEST_F(EngineLoad, ElementTypeWithoutEquivalent) {
  const auto type = onnx::tensor_type(kFloat8, {"n"});
  const auto path = write_model(onnx::model({}, {onnx::value("x", type)}, {onnx::value("x", type)}));
  expect_refused(path, Code::kLoadFailed, "ONNX element type 17");
}

TEST_F(EngineLoad, FailedLoadsKeepNothingOfThePool) {
  for (const char* const name : {"corrupt", "truncated", "empty", "absent"})
    EXPECT_FALSE(try_load(model_path(name)).ok());
  EXPECT_EQ(pool_.stats().live_bytes, 0u);
}

TEST_F(EngineLoad, ReadsInputsAndOutputs) {
  const ModelSpec spec = load("simple")->spec();
  ASSERT_EQ(spec.inputs.size(), 2u);
  EXPECT_EQ(spec.inputs[1].name, "INPUT1");
  EXPECT_EQ(spec.inputs[1].dtype, DType::kInt32);
  EXPECT_EQ(spec.inputs[1].dims, Shape({-1, 16}));
  EXPECT_EQ(spec.inputs[1].dim_names, (std::vector<std::string>{"batch", ""}));
  EXPECT_FALSE(spec.inputs[1].optional);
  ASSERT_EQ(spec.outputs.size(), 2u);
  EXPECT_EQ(spec.outputs[0].name, "OUTPUT0");
  EXPECT_EQ(spec.outputs[0].kind, Value::Kind::kTensor);
  EXPECT_EQ(spec.outputs[0].dims, Shape({-1, 16}));
}

TEST_F(EngineLoad, AnOverridableInitializerIsAnOptionalInput) {
  const ModelSpec spec = load("optional_input")->spec();
  ASSERT_EQ(spec.inputs.size(), 2u);
  EXPECT_FALSE(spec.inputs[0].optional);
  EXPECT_EQ(spec.inputs[1].name, "scale");
  EXPECT_TRUE(spec.inputs[1].optional);
  EXPECT_EQ(spec.inputs[1].dims, Shape({1}));
}

TEST_F(EngineLoad, ReadsSequencesAndMaps) {
  const ModelSpec spec = load("zipmap")->spec();
  ASSERT_EQ(spec.outputs.size(), 2u);
  EXPECT_EQ(spec.outputs[1].kind, Value::Kind::kSequence);
  EXPECT_EQ(spec.outputs[1].dtype, DType::kFp32);
  EXPECT_EQ(spec.outputs[1].key_dtype, DType::kString);
  EXPECT_EQ(spec.outputs[1].dims.rank(), 0u);
  EXPECT_EQ(load("zipmap_int")->spec().outputs[1].key_dtype, DType::kInt64);
  EXPECT_EQ(load("seq_tensor")->spec().outputs[0].kind, Value::Kind::kSequence);
}

TEST_F(EngineLoad, ReadsAScalar) {
  EXPECT_EQ(load("scalar_fp32")->spec().inputs[0].dims, Shape{});
}

TEST_F(EngineLoad, TellsDynamicShapesFromADynamicBatch) {
  EXPECT_FALSE(load("mlp_tiny")->has_dynamic_shapes());
  EXPECT_FALSE(load("fixed_batch")->has_dynamic_shapes());
  EXPECT_TRUE(load("ident2d_fp32")->has_dynamic_shapes());
}

TEST_F(EngineLoad, FindsExternalDataBesideTheModel) {
  const auto session = load("external");
  ASSERT_TRUE(session);
  const auto x = testing::tensor_of<float>(pool_, DType::kFp32, {1, 4}, {1, 2, 3, 4});
  EXPECT_EQ(run(*session, {x})[0].tensor.shape, Shape({1, 3}));
}

TEST_F(EngineLoad, APathMayHoldAnyCharacter) {
  const auto path = folder_.path() / "modèle été 模型.onnx";
  std::filesystem::copy_file(model_path("simple"), path);
  EXPECT_TRUE(try_load(path.string()).ok());
}

// Each error must be its own: ONNX Runtime tells some reasons only by its log.
TEST_F(EngineLoad, ManyAtOnce) {
  const std::vector<std::pair<std::string, std::string>> cases = {{"simple", ""},
                                                                  {"corrupt", "Protobuf parsing failed"},
                                                                  {"mlp_tiny", ""},
                                                                  {"empty", "is empty"},
                                                                  {"external", ""}};
  std::vector<std::string> answers(3 * cases.size());
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < answers.size(); ++i) {
      threads.emplace_back([&, i] {
        const auto session = try_load(model_path(cases[i % cases.size()].first));
        answers[i] = session.ok() ? "" : session.status().message();
      });
    }
  }
  for (size_t i = 0; i < answers.size(); ++i) {
    const std::string& expected = cases[i % cases.size()].second;
    EXPECT_EQ(answers[i].empty(), expected.empty()) << answers[i];
    EXPECT_NE(answers[i].find(expected), std::string::npos) << answers[i];
  }
}

}  // namespace
}  // namespace ortserve
