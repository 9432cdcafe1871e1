// SPDX-License-Identifier: Apache-2.0
#include "addon/session_key.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/model_digest.h"

namespace ortserve {

namespace {

namespace fs = std::filesystem;

// Each part with its length before it, so that no two lists of parts read the same.
void append(std::string& key, const std::string& part) {
  key += std::to_string(part.size());
  key += ':';
  key += part;
}

void append(std::string& key, const std::map<std::string, std::string>& options) {
  for (const auto& [name, value] : options) {
    append(key, name);
    append(key, value);
  }
  key += ';';
}

void append(std::string& key, const std::vector<int64_t>& sizes) {
  for (const int64_t size : sizes) append(key, std::to_string(size));
  key += ';';
}

// What a provider that prepares for shapes prepares for.
void append(std::string& key, const ShapeHints& shapes) {
  append(key, std::to_string(shapes.max_rows));
  append(key, shapes.preferred_rows);
  append(key, shapes.pad_to);
  for (const auto& [dim, sizes] : shapes.dims) {
    append(key, dim);
    append(key, sizes);
  }
}

fs::path path_of(const ModelLoadOptions& options) {
  const std::string& text = options.session.model_path;
  return std::u8string(text.begin(), text.end());  // UTF-8 on every platform
}

// Which of several like devices runs the model changes nothing.
std::map<std::string, std::string> without_device(std::map<std::string, std::string> options) {
  options.erase("device_id");
  return options;
}

}  // namespace

Result<std::string> session_key(const ModelLoadOptions& options) {
  const std::string& text = options.session.model_path;
  std::error_code error;
  const fs::path canonical = fs::canonical(path_of(options), error);
  if (error) return {Code::kModelNotFound, "no model file at '" + text + "': " + error.message()};
  if (!fs::is_regular_file(canonical, error)) {
    return {Code::kModelNotFound, "expected a model file at '" + text + "', got something else (a folder?)"};
  }
  const auto size = fs::file_size(canonical, error);
  const auto changed = fs::last_write_time(canonical, error).time_since_epoch().count();
  if (error) return {Code::kModelNotFound, "cannot read '" + text + "': " + error.message()};
  const std::u8string name = canonical.u8string();
  std::string key;
  append(key, std::string(name.begin(), name.end()));
  append(key, std::to_string(size));
  append(key, std::to_string(changed));
  append(key, options.revision);
  append(key, std::to_string(options.session.intra_op_threads));
  append(key, options.batching ? "batching" : "");
  append(key, options.measure ? "measured" : "");
  for (const ProviderRequest& provider : options.session.providers) {
    append(key, provider.name);
    append(key, provider.required ? "required" : "");
    append(key, provider.options);
  }
  key += '|';
  append(key, options.session.options);
  // The CPU takes any shape: loads that batch otherwise share one session.
  const auto is_tensorrt = [](const ProviderRequest& request) { return request.name == "tensorrt"; };
  if (std::ranges::any_of(options.session.providers, is_tensorrt) || asks_for_fixed_shapes(options.session)) {
    append(key, options.session.shapes);
  }
  return key;
}

Result<CacheKey> result_digest(const ModelLoadOptions& options, const std::vector<ProviderOutcome>& providers) {
  auto engine = engine_info();
  if (!engine.ok()) return engine.take_status();
  std::string text;
  append(text, engine->version);
  for (const ProviderOutcome& provider : providers) {
    if (!provider.active) continue;
    append(text, provider.name);
    for (const ProviderRequest& request : options.session.providers) {
      if (request.name == provider.name) append(text, without_device(request.options));
    }
  }
  text += '|';
  append(text, options.session.options);
  return digest_model(path_of(options), text);
}

}  // namespace ortserve
