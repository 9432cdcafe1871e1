// SPDX-License-Identifier: Apache-2.0
// Runs whose inputs and outputs always lie at the same device addresses, one set per combination of shapes: what a CUDA
// graph asks for. A graph is captured once per set and replayed from then on, without launching its kernels one by one.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/model_spec.h"
#include "core/runner.h"
#include "engine/device_copy.h"
#include "engine/ort_api.h"
#include "engine/run_gate.h"

namespace ortserve {

/// Of one thread, since a graph is of the thread that captures it.
class FixedRuns {
 public:
  /// Run option that names the graph to capture or replay, and the value for none.
  static constexpr const char* kGraphId = "gpu_graph_id";
  static constexpr const char* kWithoutGraph = "-1";

  struct Parts {
    std::shared_ptr<Ort::Session> session;
    std::vector<std::vector<Shape>> shapes;  ///< of every set: one shape per input
    std::unique_ptr<DeviceCopy> copy;
    RunGate* gate = nullptr;  ///< entered by each run, alone by the one that captures; null: none
  };

  /// kUnsupported: an input that is optional or of strings, or an output that is not a numeric tensor.
  static Result<std::unique_ptr<FixedRuns>> create(Parts parts, const ModelSpec& spec);

  /// The set of these inputs; -1: none, and the model runs in the ordinary way.
  int find(std::span<const Tensor> inputs, const std::vector<bool>& present) const noexcept;
  /// Runs on the set's memory; the first run of a set prepares and captures. Outputs are copied into `pool`.
  Status run(int set, std::span<const Tensor> inputs, std::span<const uint16_t> wanted, std::vector<Value>& outputs,
             BufferPool& pool, RunTimes* times);

  const std::vector<std::vector<Shape>>& shapes() const noexcept { return shapes_; }
  /// Sets that have been captured.
  size_t captured() const noexcept;

 private:
  /// What lies at fixed addresses.
  struct Set {
    std::vector<Ort::Allocator> allocators;  // of the inputs, which need them to their end
    std::vector<Ort::Value> inputs, outputs;
    Ort::IoBinding binding{nullptr};
    Ort::RunOptions options;
    bool prepared = false;
    bool captured = false;
  };
  struct Place {
    void* data;
    size_t size;  // bytes
    bool on_device;
  };
  static Place place_of(Ort::Value& value);
  bool reaches(const Place& place) const noexcept;

  FixedRuns(Parts parts, const ModelSpec& spec);
  static void clear(Set& set) noexcept;
  Status prepare(Set& set, int index, std::span<const Tensor> inputs);
  Status fill(Set& set, std::span<const Tensor> inputs);
  Status collect(Set& set, std::span<const uint16_t> wanted, std::vector<Value>& outputs, BufferPool& pool);

  const std::shared_ptr<Ort::Session> session_;
  const ModelSpec spec_;
  const std::vector<std::vector<Shape>> shapes_;
  const std::unique_ptr<DeviceCopy> copy_;
  RunGate* const gate_;
  std::vector<Set> sets_;
};

}  // namespace ortserve
