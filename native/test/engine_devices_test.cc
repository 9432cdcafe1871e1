// SPDX-License-Identifier: Apache-2.0
// The driver's and the management library's answers, from libraries that stand in for them.
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/cuda_driver.h"
#include "engine/nvml.h"
#include "test/engine_fixture.h"

namespace ortserve {
namespace {

/// A variable of the environment for the length of a scope.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST(EngineNvml, IsAbsentWithTheLoadersWords) {
  const auto nvml = Nvml::open("libno-such-nvml.so.1");
  ASSERT_FALSE(nvml.ok());
  EXPECT_EQ(nvml.status().code(), Code::kLibraryUnavailable);
  EXPECT_NE(nvml.status().message().find("libno-such-nvml.so.1"), std::string::npos);
}

TEST(EngineNvml, RefusesALibraryOfAnotherKind) {
  const auto nvml = Nvml::open(ORTSERVE_FAKE_CUDA);
  ASSERT_FALSE(nvml.ok());
  EXPECT_NE(nvml.status().message().find("functions are missing"), std::string::npos);
}

TEST(EngineNvml, IsAbsentWhenItDoesNotStart) {
  const Variable mode("FAKE_NVML", "broken");
  const auto nvml = Nvml::open(ORTSERVE_FAKE_NVML);
  ASSERT_FALSE(nvml.ok());
  EXPECT_EQ(nvml.status().message(), "NVML does not start: error 9");
}

TEST(EngineNvml, ReadsEveryGpuAndLeavesOpenWhatOneDoesNotTell) {
  const auto nvml = Nvml::open(ORTSERVE_FAKE_NVML);
  ASSERT_TRUE(nvml.ok()) << nvml.status().message();
  EXPECT_EQ(nvml.value().driver_version(), "580.65.06");
  EXPECT_EQ(nvml.value().cuda_version(), 13000);
  const auto gpus = nvml.value().read();
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0].name, "NVIDIA H100");
  EXPECT_EQ(gpus[0].uuid, "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f");
  EXPECT_EQ(gpus[0].major, 9);
  EXPECT_EQ(gpus[0].memory_total, int64_t{80} << 30);
  EXPECT_EQ(gpus[0].memory_used, int64_t{1} << 30);
  EXPECT_DOUBLE_EQ(gpus[0].utilization, 0.75);
  EXPECT_DOUBLE_EQ(gpus[0].memory_utilization, 0.4);
  EXPECT_DOUBLE_EQ(gpus[0].power_watts, 350.5);
  EXPECT_DOUBLE_EQ(gpus[0].power_limit_watts, -1);  // the library has no such function
  EXPECT_EQ(gpus[0].temperature, 41);
  EXPECT_EQ(gpus[1].name, "NVIDIA T4");
  EXPECT_EQ(gpus[1].uuid, "");
  EXPECT_DOUBLE_EQ(gpus[1].utilization, -1);
  EXPECT_DOUBLE_EQ(gpus[1].power_watts, -1);
}

TEST(EngineNvml, KeepsThePlaceOfALostGpu) {
  const Variable mode("FAKE_NVML", "lost");
  const auto nvml = Nvml::open(ORTSERVE_FAKE_NVML);
  ASSERT_TRUE(nvml.ok());
  const auto gpus = nvml.value().read();
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0].memory_total, -1);
  EXPECT_EQ(gpus[1].index, 1);
  EXPECT_EQ(gpus[1].name, "NVIDIA T4");
}

TEST(EngineCudaDriver, SaysWhyItCannotBeUsed) {
  EXPECT_EQ(CudaDriver::open("libno-such-cuda.so.1").status().code(), Code::kLibraryUnavailable);
  {
    const Variable mode("FAKE_CUDA", "none");
    const auto driver = CudaDriver::open(ORTSERVE_FAKE_CUDA);
    ASSERT_FALSE(driver.ok());
    EXPECT_EQ(driver.status().code(), Code::kProviderUnavailable);
    EXPECT_NE(driver.status().message().find("sees no device"), std::string::npos);
  }
  const Variable mode("FAKE_CUDA", "broken");
  EXPECT_EQ(CudaDriver::open(ORTSERVE_FAKE_CUDA).status().message(),
            "the CUDA driver does not start: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH");
}

TEST(EngineCudaDriver, DescribesTheDevicesInItsOwnOrder) {
  const auto driver = CudaDriver::open(ORTSERVE_FAKE_CUDA);
  ASSERT_TRUE(driver.ok()) << driver.status().message();
  EXPECT_EQ(driver.value().version(), 13000);
  EXPECT_EQ(cuda_version_text(driver.value().version()), "13.0");
  ASSERT_EQ(driver.value().devices().size(), 1u);
  const CudaDevice& device = driver.value().devices()[0];
  EXPECT_EQ(device.name, "NVIDIA H100");
  EXPECT_EQ(device.uuid, "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f");
  EXPECT_EQ(device.major, 9);
  EXPECT_EQ(device.memory, uint64_t{80} << 30);
}

}  // namespace
}  // namespace ortserve
