// SPDX-License-Identifier: Apache-2.0
// NVIDIA's CUDA driver, as far as it is asked before anything is loaded: which devices a CUDA program sees here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"
#include "engine/shared_library.h"

namespace ortserve {

struct CudaDevice {
  std::string name;  ///< "NVIDIA H100 80GB HBM3"
  std::string uuid;  ///< "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"; "" when the driver does not tell
  int major = 0;     ///< compute capability
  int minor = 0;
  uint64_t memory = 0;  ///< bytes
};

/// Thread-safe. The order of devices is CUDA's own, with CUDA_VISIBLE_DEVICES applied: what `device_id` means.
class CudaDriver {
 public:
  /// kLibraryUnavailable: no driver, or one without these functions. kProviderUnavailable: it cannot be initialised, or
  /// sees no device; the message names CUDA's error.
  static Result<CudaDriver> open(const std::string& library = "libcuda.so.1");

  int version() const noexcept { return version_; }  ///< the newest CUDA it supports: 13000 for 13.0
  const std::vector<CudaDevice>& devices() const noexcept { return devices_; }

 private:
  CudaDriver() = default;
  int version_ = 0;
  std::vector<CudaDevice> devices_;
};

/// "13.0" of 13000.
std::string cuda_version_text(int version);

}  // namespace ortserve
