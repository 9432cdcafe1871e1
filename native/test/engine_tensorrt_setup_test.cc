// SPDX-License-Identifier: Apache-2.0
#include "engine/tensorrt_setup.h"

#include "test/engine_fixture.h"

namespace ortserve {
namespace {

using testing::EngineTest;
using testing::model_path;

class TensorrtSetupTest : public EngineTest {
 protected:
  TensorrtSetupTest() {
    config_.model_path = model_path("mlp_tiny");
    config_.engine_cache = (folder_.path() / "engines").string();
    config_.shapes.max_rows = 8;
  }
  /// Adds the shapes that the derived options name.
  Result<TensorrtSetup> set_up() {
    const auto session = load("mlp_tiny");
    return set_up_tensorrt(config_, session->spec(), machine_, settings_);
  }

  SessionConfig config_;
  TensorrtMachine machine_ = {
      .ort_version = "1.29.0",
      .tensorrt_version = []() -> Result<int> { return 101300; },
      .device = [](size_t) -> Result<CudaDevice> { return CudaDevice{.name = "H100", .major = 9}; },
  };
  ProviderSettings settings_;
};

TEST_F(TensorrtSetupTest, RefusesDimsThatNobodyKnows) {
  const auto session = load("rowsum");  // [rows, width]
  const auto setup = set_up_tensorrt(config_, session->spec(), machine_, settings_);
  ASSERT_FALSE(setup.ok());
  EXPECT_NE(setup.status().message().find("bucket_axes"), std::string::npos) << setup.status().message();
}

TEST_F(TensorrtSetupTest, DerivesTheProfileAndKeepsEnginesByDefault) {
  const auto setup = set_up();
  ASSERT_TRUE(setup.ok()) << setup.status().message();
  EXPECT_EQ(setup.value().note, "");
  EXPECT_TRUE(std::filesystem::is_directory(setup.value().engines));
  EXPECT_EQ(settings_["trt_engine_cache_enable"], "1");
  EXPECT_EQ(settings_["trt_engine_cache_path"], setup.value().engines.string());
  EXPECT_EQ(settings_["trt_timing_cache_enable"], "1");
  const InputSpec input = load("mlp_tiny")->spec().inputs[0];
  EXPECT_EQ(settings_["trt_profile_min_shapes"], input.name + ":1x4");
  EXPECT_EQ(settings_["trt_profile_opt_shapes"], input.name + ":8x4");
  EXPECT_EQ(settings_["trt_profile_max_shapes"], input.name + ":8x4");
  ASSERT_EQ(setup.value().ranges.size(), 1u);
  EXPECT_EQ(setup.value().ranges[0].most, Shape({8, 4}));
}

TEST_F(TensorrtSetupTest, AnotherBatchIsAnotherEngine) {
  const auto first = set_up();
  settings_.clear();
  config_.shapes.max_rows = 16;
  const auto second = set_up();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first.value().engines, second.value().engines);
}

TEST_F(TensorrtSetupTest, TheUsersOwnProfileAndPlaceStand) {
  const std::string name = load("mlp_tiny")->spec().inputs[0].name;
  settings_ = {{"trt_profile_min_shapes", name + ":2x4"},
               {"trt_profile_opt_shapes", name + ":2x4"},
               {"trt_profile_max_shapes", name + ":4x4"},
               {"trt_engine_cache_path", "/mine"}};
  const ProviderSettings before = settings_;
  const auto setup = set_up();
  ASSERT_TRUE(setup.ok());
  EXPECT_EQ(settings_, before);
  EXPECT_EQ(setup.value().ranges[0].least, Shape({2, 4}));
  EXPECT_TRUE(setup.value().engines.empty());
}

TEST_F(TensorrtSetupTest, WhatKeepsEnginesFromBeingKeptIsNotedAndHarmless) {
  machine_.device = [](size_t device) -> Result<CudaDevice> {
    return Status(Code::kProviderUnavailable, "there is no CUDA device " + std::to_string(device));
  };
  settings_["device_id"] = "3";
  const auto setup = set_up();
  ASSERT_TRUE(setup.ok());
  EXPECT_EQ(setup.value().note, "engines are built anew at each start: there is no CUDA device 3");
  EXPECT_FALSE(settings_.contains("trt_engine_cache_enable"));
}

TEST_F(TensorrtSetupTest, SwitchedOffNothingIsWritten) {
  config_.engine_cache = "";
  ASSERT_TRUE(set_up().ok());
  EXPECT_FALSE(settings_.contains("trt_engine_cache_path"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "engines"));
}

class CreateOrRebuild : public EngineTest {
 protected:
  Result<Ort::Session> create() {
    ++calls_;
    if (std::filesystem::exists(folder_.path() / "broken.engine") || model_is_broken_) {
      return Status(Code::kLoadFailed, "could not deserialize engine");
    }
    return Ort::Session(nullptr);
  }
  Result<Ort::Session> run() {
    return create_or_rebuild(
        folder_.path(), [this] { return create(); }, [this](std::string note) { notes_.push_back(std::move(note)); });
  }
  int calls_ = 0;
  bool model_is_broken_ = false;
  std::vector<std::string> notes_;
};

TEST_F(CreateOrRebuild, RemovesBrokenEnginesAndBuildsOnce) {
  folder_.write("broken.engine", "not an engine");
  EXPECT_TRUE(run().ok());
  EXPECT_EQ(calls_, 2);
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find("were removed (1 file): could not deserialize engine"), std::string::npos) << notes_[0];
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "broken.engine"));
}

TEST_F(CreateOrRebuild, LeavesEnginesThatWorkAlone) {
  folder_.write("good.engine", "x");
  EXPECT_TRUE(run().ok());
  EXPECT_EQ(calls_, 1);
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "good.engine"));
}

TEST_F(CreateOrRebuild, TriesNoMoreThanTwice) {
  model_is_broken_ = true;
  EXPECT_FALSE(run().ok());
  EXPECT_EQ(calls_, 1);  // there was no engine to blame
  folder_.write("any.engine", "x");
  EXPECT_FALSE(run().ok());
  EXPECT_EQ(calls_, 3);
}

}  // namespace
}  // namespace ortserve
