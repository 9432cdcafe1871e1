// SPDX-License-Identifier: Apache-2.0
// What a model file holds, as one number that is the same on every machine.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/cache_key.h"
#include "core/status.h"

namespace ortserve {

/// The files beside the ONNX file at `path` in which it keeps tensors, as it names them, sorted. Reads tags and
/// lengths, not the tensors. A file that is not ONNX has none. kModelNotFound: it cannot be read.
Result<std::vector<std::string>> external_data_files(const std::filesystem::path& path);

/// Of the bytes of the model file and of its external data, and of `options`: whatever else changes results. Reads all
/// of them: not for the JavaScript thread. No secret is in it: model files are the operator's own. kModelNotFound: one
/// cannot be read.
Result<CacheKey> digest_model(const std::filesystem::path& path, const std::string& options);

/// A digest that also depends on `options`.
CacheKey extend_digest(const CacheKey& digest, const std::string& options) noexcept;

}  // namespace ortserve
