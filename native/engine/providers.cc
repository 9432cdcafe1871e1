// SPDX-License-Identifier: Apache-2.0
#include "engine/providers.h"

#include <algorithm>
#include <array>

#include "core/nearest_name.h"
#include "engine/ort_log.h"

namespace ortserve {

struct ProviderBridge {
  std::string_view name;
  std::span<const OptionSpec> (*table)() noexcept;
  const ProviderSettings& (*defaults)();
  void (*append)(Ort::SessionOptions& options, const ProviderSettings& settings);  // throws Ort::Exception
};

namespace {

constexpr std::string_view kCpu = "cpu";

void append_tensorrt(Ort::SessionOptions& options, const ProviderSettings& settings) {
  Ort::TensorRTProviderOptions provider;
  provider.Update(settings);
  options.AppendExecutionProvider_TensorRT_V2(*provider);
}

void append_cuda(Ort::SessionOptions& options, const ProviderSettings& settings) {
  Ort::CUDAProviderOptions provider;
  provider.Update(settings);
  options.AppendExecutionProvider_CUDA_V2(*provider);
}

constexpr std::array<ProviderBridge, 2> kBridges = {{
    {"tensorrt", tensorrt_option_table, tensorrt_defaults, append_tensorrt},
    {"cuda", cuda_option_table, cuda_defaults, append_cuda},
}};

Status unknown_provider(const std::string& name) {
  NearestName nearest(name);
  nearest.offer(kCpu);
  for (const ProviderBridge& bridge : kBridges) nearest.offer(bridge.name);
  return {Code::kInvalidArgument,
          "unknown execution provider '" + name + "'; the nearest known one is '" + std::string(nearest.name()) + "'"};
}

Status required_unusable(const std::string& provider, const std::string& reason) {
  return {Code::kProviderUnavailable, "the required execution provider '" + provider + "' cannot be used: " + reason};
}

// ORT's status may only say that loading failed; the loader's words are in its log then.
std::string join_reason(std::string message, const std::string& logged) {
  if (logged.empty() || message.find(logged) != std::string::npos) return message;
  return std::move(message) + " (" + logged + ")";
}

}  // namespace

Result<ProviderPlan::Entry> ProviderPlan::check(const ProviderRequest& request) {
  Entry entry{request};
  const auto bridge = std::ranges::find(kBridges, request.name, &ProviderBridge::name);
  if (bridge != kBridges.end()) {
    entry.bridge = &*bridge;
  } else if (request.name != kCpu) {
    return unknown_provider(request.name);
  }
  auto settings = entry.bridge ? provider_settings(bridge->table(), request.name, bridge->defaults(), request.options)
                               : provider_settings({}, request.name, {}, request.options);
  if (!settings.ok()) return settings.take_status();
  entry.settings = std::move(*settings);
  return entry;
}

Result<ProviderPlan> ProviderPlan::make(const std::vector<ProviderRequest>& requests, bool cpu_fallback) {
  ProviderPlan plan;
  bool after_cpu = false;
  for (const ProviderRequest& request : requests) {
    auto entry = check(request);
    if (!entry.ok()) return entry.take_status();
    const auto same = [&](const Entry& other) { return other.request.name == request.name; };
    if (std::ranges::any_of(plan.entries_, same)) {
      return {Code::kInvalidArgument, "the execution provider '" + request.name + "' is listed twice"};
    }
    if (after_cpu) {
      return {Code::kInvalidArgument, "the execution provider '" + request.name +
                                          "' is listed after 'cpu', which runs every operator: it would never be used"};
    }
    after_cpu = !entry->bridge;
    plan.entries_.push_back(std::move(*entry));
  }
  if (after_cpu && !cpu_fallback) {
    return {Code::kInvalidArgument,
            "the execution provider 'cpu' is listed and session.disable_cpu_ep_fallback refuses it: drop one"};
  }
  if (requests.empty() && !cpu_fallback) {
    return {Code::kInvalidArgument,
            "session.disable_cpu_ep_fallback keeps the model off the CPU and no other execution provider is listed"};
  }
  if (!after_cpu && cpu_fallback) plan.entries_.push_back({ProviderRequest{std::string(kCpu), {}, false}});
  return plan;
}

Status ProviderPlan::append_to(Ort::SessionOptions& options, const Check& check) {
  for (Entry& entry : entries_) {
    if (!entry.bridge || !entry.active) continue;
    std::string reason = append_one(options, entry, check(entry.request.name));
    if (reason.empty()) continue;
    entry.active = false;
    entry.reason = std::move(reason);
    if (entry.request.required) return required_unusable(entry.request.name, entry.reason);
  }
  return check_something_is_left();
}

// Why not; "" when it is appended.
std::string ProviderPlan::append_one(Ort::SessionOptions& options, const Entry& entry, const ProviderCheck& check) {
  if (!check.usable()) return check.text();
  const ErrorLine logged;
  const Status appended = guarded(Code::kProviderUnavailable, [&]() -> Status {
    entry.bridge->append(options, entry.settings);
    return {};
  });
  return appended.ok() ? "" : join_reason(appended.message(), logged.text());
}

Status ProviderPlan::check_something_is_left() const {
  if (std::ranges::any_of(entries_, &Entry::active)) return {};
  std::string message = "no execution provider is left and session.disable_cpu_ep_fallback keeps the model off the CPU";
  for (const Entry& entry : entries_) message += "; " + entry.request.name + ": " + entry.reason;
  return {Code::kProviderUnavailable, std::move(message)};
}

ProviderPlan::Entry* ProviderPlan::first_active_accelerator() noexcept {
  const auto found = std::ranges::find_if(entries_, [](const Entry& entry) { return entry.bridge && entry.active; });
  return found == entries_.end() ? nullptr : &*found;
}

const ProviderRequest* ProviderPlan::first_accelerator() const noexcept {
  const Entry* const entry = const_cast<ProviderPlan*>(this)->first_active_accelerator();
  return entry ? &entry->request : nullptr;
}

void ProviderPlan::drop_first_accelerator(std::string reason) {
  if (Entry* const entry = first_active_accelerator()) {
    entry->active = false;
    entry->reason = std::move(reason);
  }
}

ProviderPlan::Entry* ProviderPlan::active_entry(std::string_view provider) noexcept {
  const auto found = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.active && entry.request.name == provider; });
  return found == entries_.end() ? nullptr : &*found;
}

ProviderSettings* ProviderPlan::settings_of(std::string_view provider) noexcept {
  Entry* const entry = active_entry(provider);
  return entry ? &entry->settings : nullptr;
}

Status ProviderPlan::refuse(std::string_view provider, const std::string& reason) {
  Entry* const entry = active_entry(provider);
  if (!entry) return {};
  entry->active = false;
  entry->reason = reason;
  return entry->request.required ? required_unusable(entry->request.name, reason) : Status();
}

void ProviderPlan::note(std::string_view provider, std::string text) {
  if (Entry* const entry = active_entry(provider)) entry->note = std::move(text);
}

std::vector<ProviderOutcome> ProviderPlan::outcomes() const {
  std::vector<ProviderOutcome> outcomes;
  for (const Entry& entry : entries_) {
    outcomes.push_back({entry.request.name, entry.active, entry.reason, entry.note});
  }
  return outcomes;
}

Result<Ort::Session> create_with_fallback(ProviderPlan& plan, const std::function<Result<Ort::Session>()>& create) {
  Status refused;  // a required provider failed; unless the model proves to be at fault, this is the answer
  for (;;) {
    auto session = create();
    if (session.ok() && !refused.ok()) return refused;
    const ProviderRequest* const suspect = plan.first_accelerator();
    if (session.ok() || !suspect || session.status().code() == Code::kProviderUnavailable) return session;
    const std::string reason = session.status().message();
    if (suspect->required && refused.ok()) refused = required_unusable(suspect->name, reason);
    plan.drop_first_accelerator(reason);
  }
}

}  // namespace ortserve
