// SPDX-License-Identifier: Apache-2.0
// Where TensorRT's engines and timings are kept between starts. An engine takes minutes to build, fits one model, one
// version of ONNX Runtime and TensorRT and one kind of GPU, and is code: a folder that others can write to is not used.
#pragma once

#include <filesystem>
#include <string>

#include "core/cache_key.h"
#include "core/status.h"
#include "engine/provider_options.h"

namespace ortserve {

/// All that an engine depends on.
struct EngineIdentity {
  CacheKey model;            ///< digest of the model's content
  std::string ort_version;   ///< "1.29.0"
  int tensorrt_version = 0;  ///< as libnvinfer tells it: 101300
  std::string gpu;           ///< "NVIDIA H100 80GB HBM3"
  int major = 0;             ///< compute capability
  int minor = 0;
  ProviderSettings settings;  ///< of the provider: precision, profiles, effort
};

/// "DIGEST/ort1.29.0-trt101300-sm90-NVIDIA_H100_80GB_HBM3-SETTINGS". Equal for equal identities; paths and the device's
/// number are no part of it.
std::filesystem::path engine_folder(const EngineIdentity& identity);

/// Makes `root`/`folder` with access for this user only. kInvalidArgument: the folder, or the root, exists and belongs
/// to another user or may be written by others; or it cannot be made.
Result<std::filesystem::path> prepare_engine_folder(const std::filesystem::path& root,
                                                    const std::filesystem::path& folder);

/// Whether the user has said where engines go, or that they are not kept.
bool manages_engine_cache(const ProviderSettings& user);
/// Lets TensorRT keep engines and timings in `folder`.
void set_engine_cache(ProviderSettings& settings, const std::filesystem::path& folder);

/// Removes what is in the folder; how many files that were.
size_t clear_engine_folder(const std::filesystem::path& folder) noexcept;

/// Of the libnvinfer that the TensorRT provider of this process uses. kLibraryUnavailable.
Result<int> tensorrt_version(const std::string& library = "libnvinfer.so.10");

}  // namespace ortserve
