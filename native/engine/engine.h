// SPDX-License-Identifier: Apache-2.0
// The process's inference engine: the ONNX Runtime library, its environment and the sessions. The only ORT user.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/model_spec.h"
#include "core/runner.h"
#include "core/shape_plan.h"
#include "core/status.h"

namespace ortserve {

/// One entry of the ordered provider list.
struct ProviderRequest {
  std::string name;                            ///< "tensorrt", "cuda", "cpu"
  std::map<std::string, std::string> options;  ///< provider option keys, checked against the option table
  bool required = false;                       ///< refuse to load rather than fall through to the next
};

struct ProviderOutcome {
  std::string name;
  bool active = false;
  std::string reason;  ///< why not, with the loader's own words; empty when active
  std::string note;    ///< what the operator should know of it all the same; else empty
};

struct SessionConfig {
  std::string model_path;
  std::vector<ProviderRequest> providers;      ///< empty: cpu
  std::map<std::string, std::string> options;  ///< session options, checked against the option table
  int intra_op_threads = 1;                    ///< threads one run uses, the calling one included
  ShapeHints shapes;                           ///< for providers that prepare for shapes in advance
  std::string engine_cache;                    ///< folder for TensorRT's engines; empty: they are not kept
};

/// One loaded model. Immutable; run() is thread-safe. Destroy it off the JavaScript thread: releasing takes time.
class Session : public Runner {
 public:
  /// Inputs, outputs and their shapes, as the graph declares them. `batched` is not decided here.
  virtual const ModelSpec& spec() const noexcept = 0;
  virtual const std::vector<ProviderOutcome>& providers() const noexcept = 0;
  /// Whether any input dim other than the first is dynamic (memory patterns are then off).
  virtual bool has_dynamic_shapes() const noexcept = 0;
  /// Shapes of inputs to run once before the model serves: the provider prepares for each. Empty: none matters more
  /// than others.
  virtual const std::vector<std::vector<Shape>>& warm_shapes() const noexcept = 0;
  /// Whether inputs of warm_shapes() have memory of their own on the device, as CUDA graphs need: batches should be
  /// padded to these, and runs wait for each other.
  virtual bool has_fixed_shapes() const noexcept = 0;
  /// Where inputs should lie and batches be gathered: the device reads that memory best. As long-lived as the session;
  /// its buffers may outlive it.
  virtual BufferPool& batch_pool() noexcept = 0;
};

struct EngineInfo {
  std::string library_path;
  std::string version;                 ///< "1.29.0"
  std::vector<std::string> providers;  ///< compiled into the library, usable or not
};

/// Loads libonnxruntime from an absolute path and creates the one ORT environment of the process. Idempotent: later
/// calls return the first outcome when it succeeded. Telemetry is switched off before the library is loaded.
/// kLibraryUnavailable names the path, the version found and the version wanted. Thread-safe.
Status start_engine(const std::string& library_path);
/// What start_engine() loaded; kLibraryUnavailable before that.
Result<EngineInfo> engine_info();

/// Loads a model. Blocks for as long as that takes: call it on a worker thread.
/// kModelNotFound, kLoadFailed, kInvalidArgument (unknown option, with the nearest known key), kProviderUnavailable.
Result<std::shared_ptr<Session>> load_session(const SessionConfig& config, BufferPool& pool) noexcept;

/// Whether a session of `config` will want batches of few sizes: it asks for CUDA graphs, or for fixed addresses.
bool asks_for_fixed_shapes(const SessionConfig& config);

/// Cores this process may use: the least of the affinity mask, the cgroup quota (v2 and v1, rounded up) and the
/// hardware.
int usable_cores() noexcept;

}  // namespace ortserve
