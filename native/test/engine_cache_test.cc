// SPDX-License-Identifier: Apache-2.0
#include "engine/engine_cache.h"

#include <sys/stat.h>

#include <functional>

#include "test/engine_fixture.h"

namespace ortserve {
namespace {

using testing::TemporaryFolder;
namespace fs = std::filesystem;

EngineIdentity identity() {
  return {.model = {1, 2},
          .ort_version = "1.29.0",
          .tensorrt_version = 101300,
          .gpu = "NVIDIA H100 80GB HBM3",
          .major = 9,
          .minor = 0,
          .settings = {{"trt_fp16_enable", "1"}}};
}

TEST(EngineCache, FoldersThatOthersMayWriteToAreRefused) {
  const TemporaryFolder folder;
  const fs::path root = folder.path() / "engines";
  fs::create_directory(root);
  fs::permissions(root, fs::perms::all);
  const auto refused = prepare_engine_folder(root, "a/b");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), Code::kInvalidArgument);
  EXPECT_NE(refused.status().message().find("may be written by others"), std::string::npos);
  fs::permissions(root, fs::perms::owner_all);
  fs::create_directory_symlink(folder.path(), root / "link");
  EXPECT_FALSE(prepare_engine_folder(root, "link/b").ok());  // as is a link to somewhere else
  folder.write("engines/file", "");
  EXPECT_FALSE(prepare_engine_folder(root, "file/b").ok());
}

TEST(EngineCache, FoldersAreForThisUserOnly) {
  const TemporaryFolder folder;
  const auto made = prepare_engine_folder(folder.path() / "deep" / "engines", "model/variant");
  ASSERT_TRUE(made.ok()) << made.status().message();
  EXPECT_EQ(made.value(), folder.path() / "deep" / "engines" / "model" / "variant");
  for (fs::path part = made.value(); part != folder.path() / "deep"; part = part.parent_path()) {
    EXPECT_EQ(fs::status(part).permissions(), fs::perms::owner_all) << part;
  }
  EXPECT_TRUE(prepare_engine_folder(folder.path() / "deep" / "engines", "model/variant").ok());  // again
}

TEST(EngineCache, AnEngineHasAFolderOfItsOwnForEachThingItDependsOn) {
  const fs::path first = engine_folder(identity());
  EXPECT_EQ(first, engine_folder(identity()));
  EXPECT_EQ(first.begin()->string(), "00000000000000020000000000000001");
  EXPECT_NE(first.string().find("ort1.29.0-trt101300-sm90-NVIDIA_H100_80GB_HBM3-"), std::string::npos) << first;
  const std::vector<std::function<void(EngineIdentity&)>> changes = {
      [](auto& id) { id.model.low = 3; },
      [](auto& id) { id.model.high = 3; },
      [](auto& id) { id.ort_version = "1.30.0"; },
      [](auto& id) { id.tensorrt_version = 101301; },
      [](auto& id) { id.gpu = "NVIDIA H200"; },
      [](auto& id) { id.minor = 1; },
      [](auto& id) { id.settings["trt_int8_enable"] = "1"; },
      [](auto& id) { id.settings["trt_profile_max_shapes"] = "x:8x3"; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    EngineIdentity other = identity();
    changes[i](other);
    EXPECT_NE(engine_folder(other), first) << i;
  }
}

TEST(EngineCache, WhereItIsKeptAndOnWhichDeviceChangesNothing) {
  EngineIdentity other = identity();
  other.settings["device_id"] = "3";
  other.settings["trt_timing_cache_path"] = "/elsewhere";
  EXPECT_EQ(engine_folder(other), engine_folder(identity()));
}

TEST(EngineCache, NamesStayWithinTheirFolder) {
  EngineIdentity other = identity();
  other.gpu = "../../etc/passwd\n";
  const fs::path folder = engine_folder(other);
  EXPECT_EQ(std::distance(folder.begin(), folder.end()), 2);
}

TEST(EngineCache, TheUsersOwnPlaceIsLeftAlone) {
  EXPECT_FALSE(manages_engine_cache({{"trt_fp16_enable", "1"}}));
  EXPECT_TRUE(manages_engine_cache({{"trt_engine_cache_path", "/mine"}}));
  EXPECT_TRUE(manages_engine_cache({{"trt_engine_cache_enable", "0"}}));
  ProviderSettings settings = {{"trt_timing_cache_enable", "0"}};
  set_engine_cache(settings, "/engines/x");
  EXPECT_EQ(settings, (ProviderSettings{{"trt_engine_cache_enable", "1"},
                                        {"trt_engine_cache_path", "/engines/x"},
                                        {"trt_timing_cache_enable", "0"},
                                        {"trt_timing_cache_path", "/engines/x"}}));
}

TEST(EngineCache, ClearingRemovesTheFilesAndNothingElse) {
  const TemporaryFolder folder;
  folder.write("engines/a.engine", "x");
  folder.write("engines/b.timing", "x");
  folder.write("engines/inner/c", "x");
  EXPECT_EQ(clear_engine_folder(folder.path() / "engines"), 2u);
  EXPECT_TRUE(fs::exists(folder.path() / "engines/inner/c"));
  EXPECT_EQ(clear_engine_folder(folder.path() / "engines"), 0u);
  EXPECT_EQ(clear_engine_folder(folder.path() / "absent"), 0u);
}

TEST(EngineCache, WithoutTensorrtThereIsNoVersion) {
  EXPECT_EQ(tensorrt_version("libno-such-nvinfer.so.10").status().code(), Code::kLibraryUnavailable);
  EXPECT_NE(tensorrt_version(ORTSERVE_FAKE_NVML).status().message().find("it is no TensorRT"), std::string::npos);
}

}  // namespace
}  // namespace ortserve
