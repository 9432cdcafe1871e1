// SPDX-License-Identifier: Apache-2.0
// load_session(): from a path to a session, or to the reason why not.
#include <filesystem>
#include <optional>

#include "engine/engine.h"
#include "engine/ort_env.h"
#include "engine/providers.h"
#include "engine/session_options.h"
#include "engine/session_setup.h"
#include "engine/session_spec.h"
#include "engine/tensorrt_setup.h"

namespace ortserve {

namespace {

namespace fs = std::filesystem;

fs::path native_path(const std::string& utf8) {
  return std::u8string(utf8.begin(), utf8.end());
}

Status check_model_file(const std::string& path) {
  std::error_code error;
  const fs::file_status file = fs::status(native_path(path), error);
  if (!fs::exists(file)) {
    const bool absent = !error || error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
    if (absent) return {Code::kModelNotFound, "no model file at '" + path + "'"};
    return {Code::kLoadFailed, "cannot read '" + path + "': " + error.message()};
  }
  if (fs::is_directory(file)) return {Code::kLoadFailed, "expected a model file, '" + path + "' is a directory"};
  if (fs::file_size(native_path(path), error) == 0 && !error) {
    return {Code::kLoadFailed, "the model file '" + path + "' is empty"};
  }
  return {};
}

Status load_failed(const std::string& path, const Status& cause) {
  std::string_view reason = cause.message();
  const std::string repeated = "Load model from " + path + " failed:";
  if (reason.starts_with(repeated)) reason.remove_prefix(repeated.size());
  return {cause.code(), "cannot load '" + path + "': " + std::string(reason)};
}

const ProviderCheck& check_here(const std::string& provider) {
  return provider_check(provider, native_path(running_engine()->info.library_path).parent_path());
}

/// Everything about a load that stays the same from attempt to attempt.
class Loader {
 public:
  Loader(const SessionConfig& config, const std::vector<CheckedOption>& options)
      : config_(config), options_(options), path_(native_path(config.model_path)) {}

  /// One session with the providers of `plan` that can be used.
  Result<Ort::Session> create(ProviderPlan& plan) const {
    return guarded(Code::kLoadFailed, [&]() -> Result<Ort::Session> {
      Ort::SessionOptions options = make_session_options(config_.intra_op_threads, options_, dynamic_shapes_);
      ORTSERVE_RETURN_IF_ERROR(plan.append_to(options, check_here));
      return Ort::Session(running_engine()->env, path_.c_str(), options);
    });
  }

  /// What the graph declares, found out before the real load, which depends on it: parses the file without preparing it
  /// to run. Nothing when it cannot be read; the load will tell why.
  std::optional<ModelSpec> peek() const {
    std::optional<ModelSpec> found;
    const Status peeked = guarded(Code::kLoadFailed, [&]() -> Status {
      const Ort::SessionOptions options = make_session_options(1, options_, true);
      OrtSession* session = nullptr;
      Ort::ThrowOnError(
          Ort::GetModelEditorApi().CreateModelEditorSession(running_engine()->env, path_.c_str(), options, &session));
      auto spec = read_session_spec(Ort::Session(session));
      if (spec.ok()) found = std::move(*spec);
      return {};
    });
    return peeked.ok() ? std::move(found) : std::nullopt;
  }

  void dynamic_shapes(bool dynamic) noexcept { dynamic_shapes_ = dynamic; }

 private:
  const SessionConfig& config_;
  const std::vector<CheckedOption>& options_;
  const fs::path path_;
  bool dynamic_shapes_ = false;
};

Result<std::shared_ptr<Session>> load(const SessionConfig& config, BufferPool& pool) {
  if (!running_engine()) return engine_info().take_status();
  if (config.intra_op_threads < 1) {
    return {Code::kInvalidArgument,
            "expected at least 1 intra-op thread, got " + std::to_string(config.intra_op_threads)};
  }
  auto options = check_session_options(config);
  if (!options.ok()) return options.take_status();
  auto plan = ProviderPlan::make(config.providers, !is_on(*options, "session.disable_cpu_ep_fallback"));
  if (!plan.ok()) return plan.take_status();
  ORTSERVE_RETURN_IF_ERROR(check_model_file(config.model_path));

  Loader loader(config, *options);
  SessionSetup setup(config, *options);
  const bool pattern_is_set = is_set(*options, "session.enable_mem_pattern");
  const bool tensorrt = plan->settings_of("tensorrt") && check_here("tensorrt").usable();
  if (!pattern_is_set || tensorrt) {
    const auto spec = loader.peek();
    if (!pattern_is_set) loader.dynamic_shapes(!spec || has_dynamic_inner_dims(*spec));
    if (tensorrt && spec) ORTSERVE_RETURN_IF_ERROR(setup.prepare(*plan, *spec));
  }
  const auto create = [&] { return loader.create(*plan); };
  const auto note = [&](std::string text) { plan->note("tensorrt", std::move(text)); };
  auto session = create_with_fallback(*plan, [&] { return create_or_rebuild(setup.engines(*plan), create, note); });
  if (!session.ok()) return load_failed(config.model_path, session.status());
  auto spec = read_session_spec(*session);
  if (!spec.ok()) return load_failed(config.model_path, spec.status());
  return setup.finish(std::move(*session), std::move(*spec), *plan, pool);
}

}  // namespace

Result<std::shared_ptr<Session>> load_session(const SessionConfig& config, BufferPool& pool) noexcept {
  return guarded(Code::kLoadFailed, [&] { return load(config, pool); });
}

}  // namespace ortserve
