// SPDX-License-Identifier: Apache-2.0
// NVIDIA's management library: what the GPUs of this machine are and how busy they are. Opened at run time; costs no
// CUDA context.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/status.h"
#include "engine/shared_library.h"

namespace ortserve {

/// -1 where a device does not tell.
struct GpuState {
  int index = 0;  ///< NVML's, in PCI order; CUDA's order may differ
  std::string name;
  std::string uuid;
  int major = -1;  ///< compute capability
  int minor = -1;
  int64_t memory_total = -1;  ///< bytes
  int64_t memory_used = -1;
  double utilization = -1;         ///< share of the last sample period in which a kernel ran, 0 to 1
  double memory_utilization = -1;  ///< the same of its memory interface
  double power_watts = -1;
  double power_limit_watts = -1;
  int temperature = -1;  ///< degrees Celsius
};

/// Thread-safe.
class Nvml {
 public:
  /// kLibraryUnavailable: not there, or not to be initialised (no driver).
  static Result<Nvml> open(const std::string& library = "libnvidia-ml.so.1");

  const std::string& driver_version() const noexcept { return driver_; }  ///< "580.65.06"
  int cuda_version() const noexcept { return cuda_; }                     ///< newest CUDA supported: 13000
  /// Every GPU now. One that fails to answer keeps its -1s.
  std::vector<GpuState> read() const;

  struct Api;  ///< the library's functions

 private:
  explicit Nvml(std::shared_ptr<const Api> api) noexcept : api_(std::move(api)) {}
  std::shared_ptr<const Api> api_;
  std::string driver_;
  int cuda_ = 0;
};

/// The machine's, opened on first use; null where there is none.
const Nvml* system_nvml();

}  // namespace ortserve
