// SPDX-License-Identifier: Apache-2.0
#include "engine/ort_session.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <numeric>

#include "engine/ort_env.h"
#include "engine/ort_value.h"
#include "engine/session_spec.h"

namespace ortserve {

namespace {

const OrtValue* const* as_c(const std::vector<Ort::Value>& values) noexcept {
  static_assert(sizeof(Ort::Value) == sizeof(OrtValue*));
  return reinterpret_cast<const OrtValue* const*>(values.data());
}

OrtValue** as_c(std::vector<Ort::Value>& values) noexcept {
  return reinterpret_cast<OrtValue**>(values.data());
}

// ORT's words when a buffer it was given does not have the shape that the output turned out to have.
bool complains_of_given_shape(const OrtStatus* status) noexcept {
  return std::string_view(Ort::GetApi().GetErrorMessage(status)).find("pre-allocated") != std::string_view::npos;
}

Status cancelled() {
  return {Code::kCancelled, "the run was cancelled"};
}

}  // namespace

struct OrtModelSession::Call {
  std::span<const Tensor> inputs;
  const std::vector<bool>& present;
  std::span<const uint16_t> wanted;
  std::vector<Value>& outputs;
  bool bound = false;  ///< inputs and outputs are bound, and go to the device at once

  /// Whether ORT was given a buffer for this output.
  bool has_buffer(size_t i) const noexcept { return outputs[i].tensor.data.data() != nullptr; }
};

OrtModelSession::OrtModelSession(Parts parts, BufferPool& pool)
    : session_(std::move(parts.session)),
      spec_(std::move(parts.spec)),
      providers_(std::move(parts.providers)),
      warm_shapes_(std::move(parts.warm_shapes)),
      dynamic_(has_dynamic_inner_dims(spec_)),
      pool_(pool),
      host_(std::move(parts.host)),
      fixed_(std::move(parts.fixed)),
      gate_(parts.gate),
      device_arena_(std::move(parts.device_arena)),
      all_outputs_(spec_.outputs.size()),
      thread_(fixed_ ? std::make_unique<RunThread>() : nullptr) {
  std::iota(all_outputs_.begin(), all_outputs_.end(), uint16_t{0});
  shape_rules_.reserve(spec_.outputs.size());
  for (const OutputSpec& output : spec_.outputs) shape_rules_.emplace_back(spec_, output);
}

OrtModelSession::~OrtModelSession() {
  thread_.reset();
  runs_.clear();  // bindings are the session's
  fixed_.reset();
  host_.reset();  // buffers that are still in somebody's hands keep it, and the session, for as long
  session_.reset();
// Under AddressSanitizer nothing is allocated by glibc, and threads that first ask it something at once meet it half
// made.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
  ::malloc_trim(0);  // glibc would keep the freed weights for a next time that may never come
#endif
}

Status OrtModelSession::run(std::span<const Tensor> inputs, const std::vector<bool>& present,
                            std::span<const uint16_t> wanted, std::vector<Value>& outputs,
                            const std::atomic<bool>* terminate, RunTimes* times) noexcept {
  return guarded(Code::kInternal, [&]() -> Status {
    outputs.clear();
    if (inputs.size() != spec_.inputs.size() || present.size() != inputs.size()) {
      return {Code::kInvalidArgument, "expected " + std::to_string(spec_.inputs.size()) + " inputs, got " +
                                          std::to_string(inputs.size()) + " and " + std::to_string(present.size()) +
                                          " presence flags"};
    }
    if (wanted.empty()) wanted = all_outputs_;
    if (terminate && terminate->load(std::memory_order_relaxed)) return cancelled();
    const Call call{inputs, present, wanted, outputs, may_bind(wanted)};
    if (!thread_) return run_ordinary(call, terminate, times);
    return thread_->run([&] { return guarded(Code::kInternal, [&] { return run_here(call, terminate, times); }); });
  });
}

Status OrtModelSession::run_here(const Call& call, const std::atomic<bool>* terminate, RunTimes* times) {
  const int set = fixed_->find(call.inputs, call.present);
  if (set < 0) return run_ordinary(call, terminate, times);
  Status status = fixed_->run(set, call.inputs, call.wanted, call.outputs, batch_pool(), times);
  if (!status.ok()) call.outputs.clear();
  return status;
}

// A binding knows each output once.
bool OrtModelSession::may_bind(std::span<const uint16_t> wanted) const noexcept {
  if (!host_) return false;
  return std::ranges::none_of(wanted, [&](uint16_t index) { return std::ranges::count(wanted, index) > 1; });
}

Status OrtModelSession::run_ordinary(const Call& call, const std::atomic<bool>* terminate, RunTimes* times) {
  RunScope scope(runs_, terminate);
  if (fixed_ && !scope.slot().without_graph) {  // a session that captures would capture this shape, too
    scope.slot().options.AddConfigEntry(FixedRuns::kGraphId, FixedRuns::kWithoutGraph);
    scope.slot().without_graph = true;
  }
  const GatePass pass(gate_, false);
  Status status = run_in(scope.slot(), call, times);
  if (status.code() == Code::kOutOfMemory && !device_arena_.empty()) {
    shrink_arena(scope.slot());
    call.outputs.clear();
    status = run_in(scope.slot(), call, times);
  }
  if (status.ok()) return status;
  call.outputs.clear();
  return scope.slot().stopped.load(std::memory_order_relaxed) ? cancelled() : status;
}

Status OrtModelSession::run_in(RunSlot& slot, const Call& call, RunTimes* times) {
  call.outputs.resize(call.wanted.size());
  ORTSERVE_RETURN_IF_ERROR(bind_inputs(slot, call));
  ORTSERVE_RETURN_IF_ERROR(bind_outputs(slot, call));
  if (call.bound) ORTSERVE_RETURN_IF_ERROR(bind(slot));
  if (times) times->bound = Clock::now();
  ORTSERVE_RETURN_IF_ERROR(execute(slot, call));
  if (times) times->computed = Clock::now();
  return collect(slot, call);
}

// A run that found no room leaves the arena in pieces that may not fit the next one. ONNX Runtime gives them back at
// the end of a run only: here of one that is stopped before its first node.
void OrtModelSession::shrink_arena(RunSlot& slot) const noexcept {
  if (slot.binding) slot.binding.ClearBoundInputs();  // they lie in the arena
  (void)guarded(Code::kRunFailed, [&]() -> Status {
    Ort::RunOptions options;
    options.AddConfigEntry("memory.enable_memory_arena_shrinkage", device_arena_.c_str());
    options.SetTerminate();
    std::vector<Ort::Value> none;
    for (size_t i = 0; i < slot.output_names.size(); ++i) none.emplace_back(nullptr);
    return take_ort_status(
        Ort::GetApi().Run(*session_, options, slot.input_names.data(), as_c(std::as_const(slot.inputs)),
                          slot.inputs.size(), slot.output_names.data(), none.size(), as_c(none)),
        Code::kRunFailed);
  });
  slot.clear();
}

const OrtMemoryInfo* OrtModelSession::memory_of(const Tensor& input) const noexcept {
  if (host_ && host_->owns(input.data)) return host_->memory();
  return running_engine()->cpu_memory;
}

Status OrtModelSession::bind_inputs(RunSlot& slot, const Call& call) const {
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const InputSpec& input = spec_.inputs[i];
    if (!call.present[i]) {
      if (input.optional) continue;
      return {Code::kInvalidInput, "the input '" + input.name + "' is required and absent"};
    }
    slot.input_names.push_back(input.name.c_str());
    const Status status = lend_to_ort(call.inputs[i], memory_of(call.inputs[i]), slot.inputs.emplace_back(nullptr));
    if (!status.ok()) return {status.code(), "input '" + input.name + "': " + status.message()};
  }
  return {};
}

Status OrtModelSession::bind_outputs(RunSlot& slot, const Call& call) {
  for (size_t i = 0; i < call.wanted.size(); ++i) {
    const uint16_t index = call.wanted[i];
    if (index >= spec_.outputs.size()) {
      return {Code::kInvalidArgument, "there is no output " + std::to_string(index) + ", the model has " +
                                          std::to_string(spec_.outputs.size())};
    }
    slot.output_names.push_back(spec_.outputs[index].name.c_str());
    Ort::Value& target = slot.outputs.emplace_back(nullptr);
    const auto shape = shape_rules_[index].trusted_shape(call.inputs);
    if (!shape || std::ranges::count(call.wanted, index) > 1) continue;  // ORT fills one buffer per name
    auto tensor = allocate_tensor(batch_pool(), spec_.outputs[index].dtype, *shape);
    if (!tensor.ok()) return tensor.take_status();
    call.outputs[i].tensor = std::move(*tensor);
    // As memory of the CPU also where it is page-locked: ONNX Runtime has the device write right into an output that it
    // knows to be page-locked, and then fails because it is to copy it onto itself.
    ORTSERVE_RETURN_IF_ERROR(lend_to_ort(call.outputs[i].tensor, running_engine()->cpu_memory, target));
  }
  return {};
}

// Inputs go to the device here; outputs have a place of their own, or get one of ONNX Runtime's on the host.
Status OrtModelSession::bind(RunSlot& slot) const {
  const OrtApi& api = Ort::GetApi();
  if (!slot.binding) slot.binding = Ort::IoBinding(*session_);
  for (size_t i = 0; i < slot.inputs.size(); ++i) {
    ORTSERVE_RETURN_IF_ERROR(
        take_ort_status(api.BindInput(slot.binding, slot.input_names[i], slot.inputs[i]), Code::kRunFailed));
  }
  for (size_t i = 0; i < slot.outputs.size(); ++i) {
    const char* const name = slot.output_names[i];
    OrtStatus* const status = slot.outputs[i]
                                  ? api.BindOutput(slot.binding, name, slot.outputs[i])
                                  : api.BindOutputToDevice(slot.binding, name, running_engine()->cpu_memory);
    ORTSERVE_RETURN_IF_ERROR(take_ort_status(status, Code::kRunFailed));
  }
  return take_ort_status(api.SynchronizeBoundInputs(slot.binding), Code::kRunFailed);
}

OrtStatus* OrtModelSession::run_bound(RunSlot& slot) {
  const OrtApi& api = Ort::GetApi();
  if (OrtStatus* const status = api.RunWithBinding(*session_, slot.options, slot.binding)) return status;
  if (OrtStatus* const status = api.SynchronizeBoundOutputs(slot.binding)) return status;
  OrtAllocator* const allocator = Ort::AllocatorWithDefaultOptions();
  OrtValue** values = nullptr;
  size_t count = 0;
  if (OrtStatus* const status = api.GetBoundOutputValues(slot.binding, allocator, &values, &count)) return status;
  for (size_t i = 0; i < count; ++i) slot.outputs[i] = Ort::Value(values[i]);
  allocator->Free(allocator, values);
  return nullptr;
}

OrtStatus* OrtModelSession::run_once(RunSlot& slot, bool bound) {
  if (bound) return run_bound(slot);
  return Ort::GetApi().Run(*session_, slot.options, slot.input_names.data(), as_c(std::as_const(slot.inputs)),
                           slot.inputs.size(), slot.output_names.data(), slot.outputs.size(), as_c(slot.outputs));
}

Status OrtModelSession::execute(RunSlot& slot, const Call& call) {
  OrtStatus* status = run_once(slot, call.bound);
  if (status && complains_of_given_shape(status)) {
    Ort::GetApi().ReleaseStatus(status);
    withdraw_buffers(slot, call);
    if (call.bound) ORTSERVE_RETURN_IF_ERROR(bind(slot));
    status = run_once(slot, call.bound);
  }
  return take_ort_status(status, Code::kRunFailed);
}

void OrtModelSession::withdraw_buffers(RunSlot& slot, const Call& call) noexcept {
  for (size_t i = 0; i < call.wanted.size(); ++i) {
    if (call.has_buffer(i)) shape_rules_[call.wanted[i]].refute();
    slot.outputs[i] = Ort::Value(nullptr);
    call.outputs[i] = {};
  }
}

Status OrtModelSession::collect(RunSlot& slot, const Call& call) {
  for (size_t i = 0; i < call.wanted.size(); ++i) {
    if (call.has_buffer(i)) continue;  // ORT has written into it
    Value& value = call.outputs[i];
    ORTSERVE_RETURN_IF_ERROR(take_from_ort(std::move(slot.outputs[i]), pool_, call.inputs, slot.stopped, value));
    if (value.kind == Value::Kind::kTensor) shape_rules_[call.wanted[i]].observe(call.inputs, value.tensor.shape);
  }
  return {};
}

}  // namespace ortserve
