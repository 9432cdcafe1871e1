// SPDX-License-Identifier: Apache-2.0
// Which shape an output will have, told from the inputs before the run, so that ORT can write into a pooled buffer.
#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <vector>

#include "core/model_spec.h"

namespace ortserve {

/// Whether a dim other than the first is dynamic.
bool has_dynamic_inner_dim(const Shape& dims) noexcept;

/// The rule for one output: fixed dims, and a first dim that is fixed or follows the first dim of an input. Declared
/// shapes may be wrong, so a rule is only trusted after a run has confirmed it, and never again after one has refuted
/// it.
class OutputShapeRule {
 public:
  /// No rule: ORT has to allocate.
  OutputShapeRule() noexcept = default;
  OutputShapeRule(const ModelSpec& spec, const OutputSpec& output);
  OutputShapeRule(OutputShapeRule&& other) noexcept
      : declared_(other.declared_), rows_input_(other.rows_input_), trust_(other.trust_.load()) {}

  /// The shape to allocate; nothing while the rule is not trusted. Thread-safe.
  std::optional<Shape> trusted_shape(std::span<const Tensor> inputs) const noexcept;
  /// Learns from a shape that ORT chose. Thread-safe.
  void observe(std::span<const Tensor> inputs, const Shape& actual) noexcept;
  /// ORT refused a shape this rule gave. Thread-safe.
  void refute() noexcept { trust_.store(Trust::kRefuted, std::memory_order_relaxed); }

 private:
  enum class Trust : uint8_t { kNoRule, kUnproven, kProven, kRefuted };
  Shape predict(std::span<const Tensor> inputs) const noexcept;

  Shape declared_;
  int rows_input_ = -1;  // the input whose first dim is this output's; -1: all dims are fixed
  std::atomic<Trust> trust_{Trust::kNoRule};
};

}  // namespace ortserve
