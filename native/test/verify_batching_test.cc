// SPDX-License-Identifier: Apache-2.0
#include "core/verify_batching.h"

#include <gtest/gtest.h>

#include "test/fake_runner.h"

namespace ortserve {
namespace {

using testing::FakeRunner;
using testing::sum_spec;

class VerifyBatchingTest : public ::testing::Test {
 protected:
  std::string objection_to(ModelSpec spec) {
    verify_batching(runner, spec, pool);
    return spec.batched ? "" : spec.batching_reason;
  }
  BufferPool pool{{}};
  FakeRunner runner{pool};
};

TEST_F(VerifyBatchingTest, AcceptsIndependentRows) {
  EXPECT_EQ(objection_to(sum_spec()), "");
}

TEST_F(VerifyBatchingTest, RefusesAFixedFirstDimension) {
  ModelSpec spec = sum_spec();
  spec.inputs[0].dims = Shape{1, 2};
  EXPECT_EQ(objection_to(spec), "input 'x' has the fixed shape [1,2]");
  spec = sum_spec();
  spec.outputs[0].dims = Shape{1};
  EXPECT_EQ(objection_to(spec), "output 'y' has the fixed shape [1]");
}

TEST_F(VerifyBatchingTest, RefusesScalars) {
  ModelSpec spec = sum_spec();
  spec.inputs[0].dims = Shape{};
  EXPECT_EQ(objection_to(spec), "input 'x' is a scalar");
}

TEST_F(VerifyBatchingTest, RefusesTwoNamesForTheBatch) {
  ModelSpec spec = sum_spec();
  spec.inputs.push_back({.name = "z", .dims = Shape{-1, 2}, .dim_names = {"M", ""}});
  EXPECT_EQ(objection_to(spec), "the inputs' first dimensions are 'N' and 'M'");
  spec = sum_spec();
  spec.inputs[0].dims = Shape{-1, -1};
  spec.inputs[0].dim_names = {"N", "N"};
  EXPECT_EQ(objection_to(spec), "input 'x' uses 'N' for two dimensions");
}

TEST_F(VerifyBatchingTest, RefusesRowsThatDependOnEachOther) {
  runner.after_run = [](std::vector<Value>& outputs) {
    Tensor& sums = outputs[0].tensor;
    for (int64_t i = 1; i < sums.elements(); ++i) sums.data.as<float>()[0] += sums.data.as<float>()[i];
  };
  EXPECT_EQ(objection_to(sum_spec()), "output 'y' of a row depends on the rows beside it");
}

TEST_F(VerifyBatchingTest, RefusesAnOutputThatLosesRows) {
  runner.after_run = [](std::vector<Value>& outputs) { outputs[0].tensor = outputs[0].tensor.rows(0, 1); };
  EXPECT_EQ(objection_to(sum_spec()), "output 'y' does not have one row per input row");
}

TEST_F(VerifyBatchingTest, RefusesWhatItCannotCheck) {
  runner.before_run = [](const Tensor&) { return Status(Code::kRunFailed, "no"); };
  EXPECT_EQ(objection_to(sum_spec()), "the model does not run on synthetic inputs");
}

}  // namespace
}  // namespace ortserve
