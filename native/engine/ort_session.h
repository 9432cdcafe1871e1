// SPDX-License-Identifier: Apache-2.0
// A loaded model on ONNX Runtime.
#pragma once

#include "engine/active_runs.h"
#include "engine/engine.h"
#include "engine/output_shape.h"

namespace ortserve {

class OrtModelSession final : public Session {
 public:
  /// `pool` must outlive the session and every output that came from it.
  OrtModelSession(Ort::Session session, ModelSpec spec, std::vector<ProviderOutcome> providers, BufferPool& pool);
  /// No run may be in flight. Gives the memory of the weights back to the system.
  ~OrtModelSession() override;

  const ModelSpec& spec() const noexcept override { return spec_; }
  const std::vector<ProviderOutcome>& providers() const noexcept override { return providers_; }
  bool has_dynamic_shapes() const noexcept override { return dynamic_; }

  /// kInvalidInput, kCancelled, kOutOfMemory, kRunFailed, as Runner::run(). An empty `wanted` means every output.
  Status run(std::span<const Tensor> inputs, const std::vector<bool>& present, std::span<const uint16_t> wanted,
             std::vector<Value>& outputs, const std::atomic<bool>* terminate, RunTimes* times) noexcept override;
  void terminate_all() noexcept override { runs_.stop_all(); }

 private:
  struct Call;  // the arguments of one run()
  Status run_in(RunSlot& slot, const Call& call, RunTimes* times);
  Status bind_inputs(RunSlot& slot, const Call& call) const;
  Status bind_outputs(RunSlot& slot, const Call& call) const;
  Status execute(RunSlot& slot, const Call& call);
  void withdraw_buffers(RunSlot& slot, const Call& call) noexcept;
  Status collect(RunSlot& slot, const Call& call);

  Ort::Session session_;
  const ModelSpec spec_;
  const std::vector<ProviderOutcome> providers_;
  const bool dynamic_;
  BufferPool& pool_;
  std::vector<uint16_t> all_outputs_;
  std::vector<OutputShapeRule> shape_rules_;  // per output
  ActiveRuns runs_;
};

}  // namespace ortserve
