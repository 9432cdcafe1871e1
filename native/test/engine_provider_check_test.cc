// SPDX-License-Identifier: Apache-2.0
// What a machine lacks for a GPU provider, told before ONNX Runtime tries it.
#include "engine/provider_check.h"

#include <algorithm>
#include <set>

#include "engine/elf_needed.h"
#include "test/engine_fixture.h"

namespace ortserve {
namespace {

using testing::TemporaryFolder;

class ProviderCheckTest : public ::testing::Test {
 protected:
  /// The folder of an ONNX Runtime with GPU providers, whose provider library needs `fake_needed()`.
  void install(const std::string& provider) {
    folder_.write("libonnxruntime_providers_shared.so", "");
    std::filesystem::copy_file(ORTSERVE_FAKE_PROVIDER,
                               folder_.path() / ("libonnxruntime_providers_" + provider + ".so"));
  }
  Machine machine() {
    return {.load =
                [this](const std::string& name) {
                  asked_.push_back(name);
                  return has_.contains(name) ? std::string() : name + ": cannot open shared object file";
                },
            .driver_version = [this]() -> Result<int> { return driver_; }};
  }
  ProviderCheck check(const std::string& provider) { return check_provider(provider, folder_.path(), machine()); }

  TemporaryFolder folder_;
  std::set<std::string> has_ = {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "libcudnn.so.9"};
  Result<int> driver_ = 13000;
  std::vector<std::string> asked_;
};

TEST(ElfNeeded, ReadsWhatALibraryNeeds) {
  const auto needed = elf_needed(ORTSERVE_FAKE_PROVIDER);
  ASSERT_TRUE(needed.ok()) << needed.status().message();
  EXPECT_EQ(std::ranges::count(needed.value(), "libcudart_of_a_test.so.13"), 1);
  EXPECT_EQ(std::ranges::count(needed.value(), "libc.so.6"), 1);
}

TEST(ElfNeeded, RefusesWhatIsNone) {
  const TemporaryFolder folder;
  EXPECT_FALSE(elf_needed(folder.path() / "absent.so").ok());
  EXPECT_FALSE(elf_needed(folder.write("text.so", "#!/bin/sh\n")).ok());
  std::ifstream whole(ORTSERVE_FAKE_PROVIDER, std::ios::binary);
  std::string start(1000, '\0');
  whole.read(start.data(), static_cast<std::streamsize>(start.size()));
  for (const size_t size : {size_t{16}, size_t{63}, size_t{64}, size_t{200}, size_t{1000}}) {
    const auto cut = elf_needed(folder.write("cut.so", start.substr(0, size)));
    ASSERT_FALSE(cut.ok()) << size;
    EXPECT_NE(cut.status().message().find("expected a 64-bit ELF library"), std::string::npos);
  }
}

TEST_F(ProviderCheckTest, NeedsNothingForTheCpu) {
  EXPECT_TRUE(check("cpu").usable());
}

TEST_F(ProviderCheckTest, NamesTheProviderLibrariesThatAreNotThere) {
  const ProviderCheck found = check("cuda");
  ASSERT_EQ(found.faults.size(), 2u);
  EXPECT_EQ(found.faults[0].library, "libonnxruntime_providers_shared.so");
  EXPECT_EQ(found.faults[1].library, "libonnxruntime_providers_cuda.so");
  EXPECT_NE(found.text().find(folder_.path().string()), std::string::npos);
}

TEST_F(ProviderCheckTest, NamesEveryMissingLibraryOfTheProvidersOwnList) {
  install("cuda");
  const ProviderCheck found = check("cuda");
  ASSERT_EQ(found.faults.size(), 1u) << found.text();
  EXPECT_EQ(found.faults[0].library, "libcudart_of_a_test.so.13");
  EXPECT_NE(found.text().find("libcudart_of_a_test.so.13: cannot open shared object file"), std::string::npos);
  EXPECT_NE(found.text().find("LD_LIBRARY_PATH"), std::string::npos);
}

TEST_F(ProviderCheckTest, TakesALibraryThatLiesBesideOnnxRuntime) {
  install("cuda");
  const std::string beside = folder_.write("libcudart_of_a_test.so.13", "");
  has_.insert(beside);
  EXPECT_TRUE(check("cuda").usable());
}

TEST_F(ProviderCheckTest, RefusesAnUnreadableProvider) {
  folder_.write("libonnxruntime_providers_shared.so", "");
  folder_.write("libonnxruntime_providers_tensorrt.so", "not a library");
  const ProviderCheck found = check("tensorrt");
  ASSERT_EQ(found.faults.size(), 1u);
  EXPECT_NE(found.text().find("expected a 64-bit ELF library"), std::string::npos);
}

TEST_F(ProviderCheckTest, OnlyWarnsOfWhatSomeModelsNeed) {
  install("cuda");
  has_.insert("libcudart_of_a_test.so.13");
  has_.erase("libcudnn.so.9");
  const ProviderCheck found = check("cuda");
  EXPECT_TRUE(found.usable()) << found.text();
  ASSERT_EQ(found.warnings.size(), 1u);
  EXPECT_EQ(found.warnings[0].library, "libcudnn.so.9");
  EXPECT_NE(found.warnings[0].remedy.find("libcudnn9-cuda-"), std::string::npos);
}

TEST_F(ProviderCheckTest, PassesTheDriversFaultOn) {
  install("cuda");
  has_.insert("libcudart_of_a_test.so.13");
  driver_ = Status(Code::kProviderUnavailable, "the CUDA driver sees no device (CUDA_ERROR_NO_DEVICE)");
  const ProviderCheck found = check("cuda");
  ASSERT_EQ(found.faults.size(), 1u);
  EXPECT_NE(found.text().find("sees no device"), std::string::npos);
}

// What libraries of CUDA's own names would be, for a provider that needs them.
class CudaRelease : public ProviderCheckTest {
 protected:
  void SetUp() override {
    install("cuda");
    // The fake's dependency is renamed to a name of CUDA's, which is shorter.
    const auto file = folder_.path() / "libonnxruntime_providers_cuda.so";
    std::ifstream in(file, std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const std::string name = "libcudart_of_a_test.so.13";
    std::string cuda = "libcudart.so.13";
    cuda.resize(name.size(), '\0');
    bytes.replace(bytes.find(name), name.size(), cuda);
    std::ofstream(file, std::ios::binary) << bytes;
  }
};

TEST_F(CudaRelease, MissingLibrariesNameTheirPackage) {
  const ProviderCheck found = check("cuda");
  EXPECT_EQ(found.cuda_major, 13);
  ASSERT_EQ(found.faults.size(), 1u);
  EXPECT_EQ(found.faults[0].library, "libcudart.so.13");
  EXPECT_NE(found.faults[0].remedy.find("cuda-cudart-13-0"), std::string::npos) << found.faults[0].remedy;
}

TEST_F(CudaRelease, LibrariesOfAnotherReleaseAreNamed) {
  has_.insert("libcudart.so.12");
  const ProviderCheck found = check("cuda");
  EXPECT_NE(found.text().find("libcudart.so.12 is there, but these provider libraries are built for release 13"),
            std::string::npos)
      << found.text();
}

TEST_F(CudaRelease, ADriverThatIsTooOldIsRefused) {
  has_.insert("libcudart.so.13");
  driver_ = 12040;
  const ProviderCheck found = check("cuda");
  ASSERT_EQ(found.faults.size(), 1u);
  EXPECT_NE(found.text().find("it supports CUDA 12.4 and CUDA 13 is needed"), std::string::npos);
  EXPECT_NE(found.text().find("driver 580 or later"), std::string::npos);
  driver_ = 13010;
  EXPECT_TRUE(check("cuda").usable());
}

}  // namespace
}  // namespace ortserve
