// SPDX-License-Identifier: Apache-2.0
// A loaded model on ONNX Runtime.
#pragma once

#include "engine/active_runs.h"
#include "engine/engine.h"
#include "engine/fixed_runs.h"
#include "engine/host_pool.h"
#include "engine/output_shape.h"
#include "engine/run_gate.h"
#include "engine/run_thread.h"

namespace ortserve {

class OrtModelSession final : public Session {
 public:
  struct Parts {
    std::shared_ptr<Ort::Session> session;
    ModelSpec spec;
    std::vector<ProviderOutcome> providers;
    std::vector<std::vector<Shape>> warm_shapes;
    std::shared_ptr<HostPool> host;    ///< given: runs bind inputs and outputs, which lie there
    std::unique_ptr<FixedRuns> fixed;  ///< given: for inputs of its shapes
    RunGate* gate = nullptr;           ///< given: entered by each run
    std::string device_arena;          ///< as run options name it; given: shrunk after a run without room
  };
  /// `pool` must outlive the session and every output that came from it.
  OrtModelSession(Parts parts, BufferPool& pool);
  /// No run may be in flight. Gives the memory of the weights back to the system.
  ~OrtModelSession() override;

  const ModelSpec& spec() const noexcept override { return spec_; }
  const std::vector<ProviderOutcome>& providers() const noexcept override { return providers_; }
  bool has_dynamic_shapes() const noexcept override { return dynamic_; }
  const std::vector<std::vector<Shape>>& warm_shapes() const noexcept override { return warm_shapes_; }
  bool has_fixed_shapes() const noexcept override { return fixed_ != nullptr; }
  BufferPool& batch_pool() noexcept override { return host_ ? host_->pool() : pool_; }

  /// kInvalidInput, kCancelled, kOutOfMemory, kRunFailed, as Runner::run(). An empty `wanted` means every output.
  Status run(std::span<const Tensor> inputs, const std::vector<bool>& present, std::span<const uint16_t> wanted,
             std::vector<Value>& outputs, const std::atomic<bool>* terminate, RunTimes* times) noexcept override;
  void terminate_all() noexcept override { runs_.stop_all(); }

 private:
  struct Call;  // the arguments of one run()
  Status run_here(const Call& call, const std::atomic<bool>* terminate, RunTimes* times);
  Status run_ordinary(const Call& call, const std::atomic<bool>* terminate, RunTimes* times);
  Status run_in(RunSlot& slot, const Call& call, RunTimes* times);
  Status bind_inputs(RunSlot& slot, const Call& call) const;
  Status bind_outputs(RunSlot& slot, const Call& call);
  bool may_bind(std::span<const uint16_t> wanted) const noexcept;
  Status bind(RunSlot& slot) const;
  OrtStatus* run_once(RunSlot& slot, bool bound);
  OrtStatus* run_bound(RunSlot& slot);
  Status execute(RunSlot& slot, const Call& call);
  void shrink_arena(RunSlot& slot) const noexcept;
  const OrtMemoryInfo* memory_of(const Tensor& input) const noexcept;
  void withdraw_buffers(RunSlot& slot, const Call& call) noexcept;
  Status collect(RunSlot& slot, const Call& call);

  std::shared_ptr<Ort::Session> session_;
  const ModelSpec spec_;
  const std::vector<ProviderOutcome> providers_;
  const std::vector<std::vector<Shape>> warm_shapes_;
  const bool dynamic_;
  BufferPool& pool_;
  std::shared_ptr<HostPool> host_;
  std::unique_ptr<FixedRuns> fixed_;
  RunGate* const gate_;
  const std::string device_arena_;
  std::vector<uint16_t> all_outputs_;
  std::vector<OutputShapeRule> shape_rules_;  // per output
  ActiveRuns runs_;
  std::unique_ptr<RunThread> thread_;  // where there are fixed runs: of all runs
};

}  // namespace ortserve
