// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "engine/ort_library.h"
#include "test/engine_fixture.h"

namespace ortserve {
namespace {

using testing::EngineTest;
using testing::library_path;
using testing::TemporaryFolder;

void expect_unavailable(const Status& status, std::initializer_list<std::string> words) {
  EXPECT_EQ(status.code(), Code::kLibraryUnavailable);
  for (const auto& word : words) EXPECT_NE(status.message().find(word), std::string::npos) << status.message();
}

TEST(EngineLibrary, RefusesARelativePath) {
  expect_unavailable(start_engine("libonnxruntime.so.1"), {"absolute path", "'libonnxruntime.so.1'"});
}

TEST(EngineLibrary, NamesAMissingFile) {
  expect_unavailable(start_engine("/nowhere/libonnxruntime.so.1"), {"'/nowhere/libonnxruntime.so.1'", "No such file"});
}

TEST(EngineLibrary, RefusesAFileThatIsNoLibrary) {
  const TemporaryFolder folder;
  expect_unavailable(start_engine(folder.write("libonnxruntime.so.1", "text")), {"libonnxruntime.so.1'"});
}

TEST(EngineLibrary, SaysThatNothingIsLoadedBeforeTheStart) {
  if (engine_info().ok()) GTEST_SKIP() << "another test of this process has started the engine";
  expect_unavailable(engine_info().status(), {"not been started"});
  BufferPool pool{BufferPool::Limits{}};
  EXPECT_EQ(load_session({}, pool).status().code(), Code::kLibraryUnavailable);
}

TEST(OrtMessages, ComeOnOneLineWithoutTheirOrigin) {
  EXPECT_EQ(one_line(" a\tb\r\n  c \n"), "a b c");
  EXPECT_EQ(one_line("/src/a.cc:8 X& X::Get() [ONNXRuntimeError] : 1 : FAIL : no library"), "no library");
  EXPECT_EQ(one_line("Status Message: /src/a.cc:8 X::Run() [ONNXRuntimeError] : 2 : INVALID_ARGUMENT : bad: shape"),
            "Status Message: bad: shape");
  EXPECT_EQ(one_line("[ONNXRuntimeError] : broken"), "[ONNXRuntimeError] : broken");
}

TEST(OrtMessages, AreCutBetweenCharacters) {
  std::string text(999, 'x');
  EXPECT_EQ(one_line(text + "é"), std::string(999, 'x') + "...");
  EXPECT_EQ(one_line(text + "y"), text + "y");
}

struct OldRelease {
  static const char* version() noexcept { return "1.20.1"; }
  static const OrtApi* api(uint32_t) noexcept {
    ADD_FAILURE() << "a library that is known to be too old must not be asked: it prints";
    return nullptr;
  }
};

TEST(EngineLibrary, NamesPathFoundAndWantedVersionOfAnOldLibrary) {
  const OrtApiBase old{OldRelease::api, OldRelease::version};
  expect_unavailable(negotiate_api(old, 29, "/lib/ort.so").status(), {"'/lib/ort.so'", "1.20.1", "1.29 or later"});
}

TEST(EngineLibrary, RefusesAVersionTheRealLibraryDoesNotOffer) {
  ASSERT_TRUE(start_engine(library_path()).ok());
  auto library = open_ort_library(library_path());
  ASSERT_TRUE(library.ok());
  const OrtApiBase base{[](uint32_t) noexcept -> const OrtApi* { return nullptr; }, []() noexcept { return "2.0.0"; }};
  expect_unavailable(negotiate_api(base, 29, library_path()).status(), {"2.0.0", "1.29 or later"});
}

TEST(EngineLibrary, StartsOnceAndKeepsTheFirstLibrary) {
  ASSERT_TRUE(start_engine(library_path()).ok());
  EXPECT_TRUE(start_engine("/nowhere/else.so").ok());
  const auto info = engine_info();
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info.value().library_path, library_path());
  EXPECT_EQ(info.value().version.substr(0, 2), "1.");
  const auto& providers = info.value().providers;
  EXPECT_NE(std::find(providers.begin(), providers.end(), "cpu"), providers.end());
}

TEST(EngineLibrary, SwitchesTelemetryOff) {
  ASSERT_TRUE(start_engine(library_path()).ok());
  EXPECT_STREQ(std::getenv("ORT_DISABLE_TELEMETRY"), "1");
}

TEST_F(EngineTest, ExhaustedMemoryIsToldFromOtherFailures) {
  const auto code_of = [](const char* text) {
    return take_ort_status(Ort::GetApi().CreateStatus(ORT_FAIL, text), Code::kRunFailed).code();
  };
  EXPECT_EQ(code_of("CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size)"), Code::kOutOfMemory);
  EXPECT_EQ(code_of("bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 1073741824"),
            Code::kOutOfMemory);
  EXPECT_EQ(code_of("Available memory of 1024 is smaller than requested bytes of 2048"), Code::kOutOfMemory);
  EXPECT_EQ(code_of("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED"), Code::kOutOfMemory);
  EXPECT_EQ(code_of("CUDNN failure 4002: CUDNN_STATUS_ALLOC_FAILED"), Code::kOutOfMemory);
  EXPECT_EQ(code_of("CUDA failure 700: an illegal memory access was encountered"), Code::kRunFailed);
  EXPECT_EQ(code_of("CUDA failure 209: no kernel image is available"), Code::kRunFailed);
}

}  // namespace
}  // namespace ortserve
