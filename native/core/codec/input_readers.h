// SPDX-License-Identifier: Apache-2.0
// One reader per input of a model: of tensors, and of what its plan takes where it has one.
#pragma once

#include <memory>
#include <vector>

#include "core/codec/decode_formats.h"
#include "core/codec/nested_reader.h"
#include "core/codec/prepared_input.h"

namespace ortserve {

class InputReaders {
 public:
  /// `context` and `attachments` outlive this.
  InputReaders(const DecodeContext& context, std::span<const Attachment> attachments) {
    const auto& inputs = context.spec.inputs;
    nested_.reserve(inputs.size());
    for (const InputSpec& input : inputs) nested_.emplace_back(input, context.pool, context.limits.max_elements);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].plan) continue;
      prepared_.resize(inputs.size());
      prepared_[i] = std::make_unique<PreparedInput>(inputs[i], context.spec.batched, context.pool,
                                                     context.limits.max_elements, attachments);
    }
    has_attachments_ = !attachments.empty();
  }

  NestedReader& nested(size_t input) noexcept { return nested_[input]; }
  /// Null: the input has no plan.
  PreparedInput* prepared(size_t input) noexcept { return prepared_.empty() ? nullptr : prepared_[input].get(); }
  bool has_attachments() const noexcept { return has_attachments_; }

  /// The input that was read. kInvalidInput: some of its rows came as tensors and some as what the plan takes.
  Result<Tensor> finish(size_t input) {
    PreparedInput* const planned = prepared(input);
    NestedReader& nested = nested_[input];
    if (!planned || !planned->is_used()) return nested.finish();
    if (nested.builder().elements() == 0) return planned->finish();
    return {Code::kInvalidInput, "expected all rows of input '" + nested.builder().spec().name +
                                     "' in the same form: as tensors, or as what 'preprocess' takes"};
  }

 private:
  std::vector<NestedReader> nested_;
  std::vector<std::unique_ptr<PreparedInput>> prepared_;  // empty: no input has a plan
  bool has_attachments_ = false;
};

}  // namespace ortserve
