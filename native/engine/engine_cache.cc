// SPDX-License-Identifier: Apache-2.0
#include "engine/engine_cache.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "core/model_digest.h"
#include "engine/shared_library.h"

#ifndef _WIN32
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace ortserve {

namespace {

namespace fs = std::filesystem;

// What does not change the engine.
constexpr auto kNotOfTheEngine = std::to_array<std::string_view>({
    "device_id",
    "trt_detailed_build_log",
    "trt_dump_subgraphs",
    "trt_engine_cache_enable",
    "trt_engine_cache_path",
    "trt_engine_cache_prefix",
    "trt_timing_cache_enable",
    "trt_timing_cache_path",
});

std::string hex(uint64_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = text.size(); i-- > 0; number >>= 4) text[i] = kDigits[number & 15];
  return text;
}

std::string settings_digest(const ProviderSettings& settings) {
  std::string text;
  for (const auto& [key, value] : std::map<std::string, std::string>(settings.begin(), settings.end())) {
    if (std::ranges::find(kNotOfTheEngine, key) != kNotOfTheEngine.end()) continue;
    text += key + '=' + value + '\n';
  }
  return hex(extend_digest(CacheKey{}, text).low);
}

std::string as_file_name(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return !std::isalnum(c) && c != '.' && c != '-'; }, '_');
  return text;
}

// Engines are loaded and executed: whoever can write here can run code as this user.
Status check_private(const fs::path& folder) {
#ifndef _WIN32
  struct stat found {};
  if (::lstat(folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) {
    return {Code::kInvalidArgument, "expected a folder for engines at '" + folder.string() + "'"};
  }
  if (found.st_uid != ::geteuid() || (found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return {Code::kInvalidArgument, "the engine folder '" + folder.string() +
                                        "' belongs to another user or may be written by others: chmod go-w it, or "
                                        "name another with --engine-cache"};
  }
#endif
  return {};
}

Status make_private(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder, error)) return check_private(folder);
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  const bool made = fs::create_directory(folder, error);
  if (error) return {Code::kInvalidArgument, "cannot make '" + folder.string() + "': " + error.message()};
  if (made) fs::permissions(folder, fs::perms::owner_all, error);
  return check_private(folder);
}

}  // namespace

fs::path engine_folder(const EngineIdentity& identity) {
  std::string variant = "ort" + identity.ort_version + "-trt" + std::to_string(identity.tensorrt_version) + "-sm" +
                        std::to_string(identity.major) + std::to_string(identity.minor) + "-" + identity.gpu + "-" +
                        settings_digest(identity.settings);
  return fs::path(hex(identity.model.high) + hex(identity.model.low)) / as_file_name(std::move(variant));
}

Result<fs::path> prepare_engine_folder(const fs::path& root, const fs::path& folder) {
  fs::path path = root;
  ORTSERVE_RETURN_IF_ERROR(make_private(path));
  for (const fs::path& part : folder) {
    path /= part;
    ORTSERVE_RETURN_IF_ERROR(make_private(path));
  }
  return path;
}

bool manages_engine_cache(const ProviderSettings& user) {
  constexpr auto kOwn = std::to_array<std::string_view>(
      {"trt_engine_cache_enable", "trt_engine_cache_path", "trt_timing_cache_path", "trt_dump_ep_context_model"});
  return std::ranges::any_of(kOwn, [&](std::string_view key) { return user.contains(std::string(key)); });
}

void set_engine_cache(ProviderSettings& settings, const fs::path& folder) {
  settings["trt_engine_cache_enable"] = "1";
  settings["trt_engine_cache_path"] = folder.string();
  settings.try_emplace("trt_timing_cache_enable", "1");
  settings["trt_timing_cache_path"] = folder.string();
}

size_t clear_engine_folder(const fs::path& folder) noexcept {
  size_t removed = 0;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code kept;
    if (entry->is_regular_file(kept) && fs::remove(entry->path(), kept)) ++removed;
  }
  return removed;
}

Result<int> tensorrt_version(const std::string& name) {
  auto library = SystemLibrary::open(name);
  if (!library.ok()) return library.take_status();
  auto* const version = library->function<int()>("getInferLibVersion");
  if (!version) return {Code::kLibraryUnavailable, "'" + name + "' tells no version: it is no TensorRT"};
  return version();
}

}  // namespace ortserve
