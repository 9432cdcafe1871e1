// SPDX-License-Identifier: Apache-2.0
// One reader per input of a model: of tensors, and of what its plan takes where it has one.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/codec/decode_formats.h"
#include "core/codec/nested_reader.h"
#include "core/codec/prepared_input.h"

namespace ortserve {

class InputReaders {
 public:
  /// `context` and `attachments` outlive this.
  InputReaders(const DecodeContext& context, std::span<const Attachment> attachments, uint64_t first_attachment) {
    const auto& inputs = context.spec.inputs;
    const auto reader = [&](const InputSpec& input) {
      return NestedReader(input, context.pool, context.limits.max_elements);
    };
    if (!inputs.empty()) first_.emplace(reader(inputs[0]));
    for (size_t i = 1; i < inputs.size(); ++i) others_.push_back(reader(inputs[i]));
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].plan) continue;
      prepared_.resize(inputs.size());
      prepared_[i] = std::make_unique<PreparedInput>(inputs[i], context.spec.batched, context.pool,
                                                     context.limits.max_elements, attachments, first_attachment);
    }
    has_attachments_ = !attachments.empty();
  }

  NestedReader& nested(size_t input) noexcept { return input == 0 ? *first_ : others_[input - 1]; }
  /// Null: the input has no plan.
  PreparedInput* prepared(size_t input) noexcept { return prepared_.empty() ? nullptr : prepared_[input].get(); }
  bool has_attachments() const noexcept { return has_attachments_; }

  /// The input that was read. kInvalidInput: some of its rows came as tensors and some as what the plan takes.
  Result<Tensor> finish(size_t input) {
    PreparedInput* const planned = prepared(input);
    NestedReader& tensors = nested(input);
    if (!planned || !planned->is_used()) return tensors.finish();
    if (tensors.builder().elements() == 0) return planned->finish();
    return {Code::kInvalidInput, "expected all rows of input '" + tensors.builder().spec().name +
                                     "' in the same form: as tensors, or as what 'preprocess' takes"};
  }

 private:
  // Most models have one input, whose reader then needs no memory of its own.
  std::optional<NestedReader> first_;
  std::vector<NestedReader> others_;
  std::vector<std::unique_ptr<PreparedInput>> prepared_;  // empty: no input has a plan
  bool has_attachments_ = false;
};

}  // namespace ortserve
