// SPDX-License-Identifier: Apache-2.0
// The ordered list of execution providers: which can be used here, and why the others cannot.
#pragma once

#include <functional>
#include <vector>

#include "engine/engine.h"
#include "engine/ort_api.h"
#include "engine/provider_check.h"
#include "engine/provider_options.h"

namespace ortserve {

struct ProviderBridge;  // how one provider is appended to session options

/// The providers a session will be tried with. Checked once, then applied to as many session options as needed.
class ProviderPlan {
 public:
  /// Names, order and options of the requests; an empty list means cpu. Unless `cpu_fallback` is false, cpu always
  /// comes last. kInvalidArgument: unknown name or option, a provider named twice, cpu named although fallback is
  /// disabled.
  static Result<ProviderPlan> make(const std::vector<ProviderRequest>& requests, bool cpu_fallback);

  /// Appends every provider that is still in play. One that cannot be loaded is out from then on: its reason is kept,
  /// or kProviderUnavailable with that reason when it was required.
  /// `check`: tells whether this machine has what a provider needs.
  using Check = std::function<const ProviderCheck&(const std::string& provider)>;
  Status append_to(Ort::SessionOptions& options, const Check& check);

  /// The first accelerator still in play; null when only cpu is left.
  const ProviderRequest* first_accelerator() const noexcept;
  /// Takes that accelerator out of play.
  void drop_first_accelerator(std::string reason);

  /// What a provider that is still in play will be given; null when it is out of play or not listed.
  ProviderSettings* settings_of(std::string_view provider) noexcept;
  /// Takes a provider out of play; kProviderUnavailable with the reason when it was required.
  Status refuse(std::string_view provider, const std::string& reason);
  void note(std::string_view provider, std::string text);

  std::vector<ProviderOutcome> outcomes() const;

 private:
  struct Entry {
    ProviderRequest request;
    const ProviderBridge* bridge = nullptr;  // null: cpu, which ORT adds by itself
    ProviderSettings settings;
    bool active = true;
    std::string reason;
    std::string note;
  };
  Entry* active_entry(std::string_view provider) noexcept;
  static Result<Entry> check(const ProviderRequest& request);
  static std::string append_one(Ort::SessionOptions& options, const Entry& entry, const ProviderCheck& check);
  Entry* first_active_accelerator() noexcept;
  Status check_something_is_left() const;

  std::vector<Entry> entries_;
};

/// Calls `create` with fewer and fewer accelerators until it succeeds: a driver that is too old or a GPU that is absent
/// shows only when the session is made. The first accelerator goes first. When the CPU fails as well, the model is at
/// fault and the CPU's words are returned. kProviderUnavailable when it works without a required one only.
Result<Ort::Session> create_with_fallback(ProviderPlan& plan, const std::function<Result<Ort::Session>()>& create);

}  // namespace ortserve
