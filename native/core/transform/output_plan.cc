// SPDX-License-Identifier: Apache-2.0
#include "core/transform/output_plan.h"

#include <algorithm>
#include <new>
#include <utility>

#include "core/nearest_name.h"
#include "core/transform/output_steps.h"

namespace ortserve {

namespace {

// Where an output that clients see comes from.
struct Source {
  uint16_t graph;  // output of the wrapped runner
  bool is_scores;  // the second one of top_k
};

bool changes_values(const OutputPlan& plan) noexcept {
  return plan.scale || plan.activation != OutputPlan::Activation::kNone || plan.argmax || plan.top_k > 0 ||
         plan.threshold;
}

class PostprocessRunner final : public Runner {
 public:
  PostprocessRunner(std::shared_ptr<Runner> runner, BufferPool& pool, std::vector<std::optional<OutputPlan>> plans,
                    std::vector<Source> sources, std::vector<std::string> names)
      : runner_(std::move(runner)),
        pool_(pool),
        plans_(std::move(plans)),
        sources_(std::move(sources)),
        names_(std::move(names)) {}

  Status run(std::span<const Tensor> inputs, const std::vector<bool>& present, std::span<const uint16_t> wanted,
             std::vector<Value>& outputs, const std::atomic<bool>* terminate, RunTimes* times) noexcept override {
    try {
      return run_and_apply(inputs, present, wanted, outputs, terminate, times);
    } catch (const std::bad_alloc&) {
      return {Code::kOutOfMemory, "no memory to postprocess the outputs"};
    }
  }

  void terminate_all() noexcept override { runner_->terminate_all(); }

 private:
  Status run_and_apply(std::span<const Tensor> inputs, const std::vector<bool>& present,
                       std::span<const uint16_t> wanted, std::vector<Value>& outputs,
                       const std::atomic<bool>* terminate, RunTimes* times) {
    std::vector<uint16_t> graph;  // each once
    for (const uint16_t output : wanted) {
      if (std::ranges::find(graph, sources_[output].graph) == graph.end()) graph.push_back(sources_[output].graph);
    }
    std::vector<Value> raw;
    ORTSERVE_RETURN_IF_ERROR(runner_->run(inputs, present, graph, raw, terminate, times));
    outputs.clear();
    outputs.resize(wanted.size());
    for (size_t g = 0; g < graph.size(); ++g) {
      Value* first = nullptr;
      Value* scores = nullptr;
      for (size_t i = 0; i < wanted.size(); ++i) {
        if (sources_[wanted[i]].graph == graph[g]) (sources_[wanted[i]].is_scores ? scores : first) = &outputs[i];
      }
      const auto& plan = plans_[graph[g]];
      if (!plan || !changes_values(*plan)) {
        if (first) *first = std::move(raw[g]);
      } else {
        ORTSERVE_RETURN_IF_ERROR(apply(*plan, names_[graph[g]], raw[g].tensor, first, scores));
      }
    }
    return {};
  }

  Status apply(const OutputPlan& plan, const std::string& name, const Tensor& raw, Value* first, Value* scores) {
    auto floats = to_floats(pool_, raw, plan.scale.value_or(0), plan.zero_point);
    if (!floats.ok()) return floats.take_status();
    const std::span<float> values(floats->data.as<float>(), static_cast<size_t>(floats->elements()));
    const Shape& shape = floats->shape;
    const size_t width = shape.rank() > 0 ? static_cast<size_t>(shape[shape.rank() - 1]) : 1;
    if (width > 0 && plan.activation == OutputPlan::Activation::kSoftmax) softmax(values, width);
    if (plan.activation == OutputPlan::Activation::kSigmoid) sigmoid(values);
    if (plan.argmax || plan.top_k > 0) return select(plan, name, *floats, width, first, scores);
    if (plan.threshold) return compare(*plan.threshold, *floats, first);
    if (first) first->tensor = std::move(*floats);
    return {};
  }

  Status select(const OutputPlan& plan, const std::string& name, const Tensor& floats, size_t width, Value* first,
                Value* scores) {
    const size_t k = plan.argmax ? 1 : static_cast<size_t>(plan.top_k);
    if (k > width || (!plan.labels.empty() && plan.labels.size() != width)) {
      return {Code::kRunFailed, "expected " + std::to_string(plan.labels.empty() ? k : plan.labels.size()) +
                                    (plan.labels.empty() ? " or more" : "") + " classes in output '" + name +
                                    "' for 'postprocess', got " + std::to_string(width)};
    }
    const size_t rows = static_cast<size_t>(floats.elements()) / width;
    Shape shape(floats.shape.dims().first(floats.shape.rank() - 1));
    if (!plan.argmax) shape.push_back(plan.top_k);
    auto best = allocate_tensor(pool_, DType::kFp32, shape);
    if (!best.ok()) return best.take_status();
    std::vector<int64_t> indices(rows * k), scratch;
    for (size_t row = 0; row < rows; ++row) {
      const std::span<const float> values(floats.data.as<const float>() + row * width, width);
      if (plan.argmax) {
        indices[row] = argmax(values);
      } else {
        top_k(values, k, best->data.as<float>() + row * k, indices.data() + row * k, scratch);
      }
    }
    if (scores) scores->tensor = std::move(*best);
    if (!first) return {};
    auto named = named_indices(pool_, shape, indices, plan.labels);
    if (!named.ok()) return named.take_status();
    first->tensor = std::move(*named);
    return {};
  }

  Status compare(float threshold, const Tensor& floats, Value* first) {
    if (!first) return {};
    auto flags = allocate_tensor(pool_, DType::kBool, floats.shape);
    if (!flags.ok()) return flags.take_status();
    const float* const values = floats.data.as<const float>();
    for (int64_t i = 0; i < floats.elements(); ++i) flags->data.as<bool>()[i] = values[i] >= threshold;
    first->tensor = std::move(*flags);
    return {};
  }

  const std::shared_ptr<Runner> runner_;
  BufferPool& pool_;
  const std::vector<std::optional<OutputPlan>> plans_;  // by output of the graph
  const std::vector<Source> sources_;                   // by output of ours
  const std::vector<std::string> names_;                // of the graph's outputs
};

Status misfit(const OutputSpec& output, const std::string& expected) {
  const bool tensor = output.kind == Value::Kind::kTensor;
  return {Code::kInvalidArgument,
          "'postprocess' of output '" + output.name + "': expected " + expected + ", got " +
              (tensor ? std::string(dtype_name(output.dtype)) + " " + output.dims.to_string() : "a sequence or map")};
}

Status check(const OutputPlan& plan, const OutputSpec& output, bool batched) {
  if (!changes_values(plan)) return {};
  const bool numbers = output.dtype != DType::kString && output.dtype != DType::kBool;
  if (output.kind != Value::Kind::kTensor || !numbers) return misfit(output, "a tensor of numbers");
  if (plan.scale && output.dtype != DType::kUint8 && output.dtype != DType::kInt8) {
    return misfit(output, "UINT8 or INT8 for 'dequantize'");
  }
  const size_t rank = output.dims.rank();
  const bool selects = plan.argmax || plan.top_k > 0;
  const size_t least = batched ? 2 : 1;
  if (rank < least && (selects || plan.activation == OutputPlan::Activation::kSoftmax)) {
    return misfit(output, "a dim of classes" + std::string(batched ? " behind the rows" : ""));
  }
  const int64_t width = rank == 0 ? 1 : output.dims[rank - 1];
  if (width < 0) return {};
  if (plan.top_k > width) return misfit(output, "at least " + std::to_string(plan.top_k) + " classes for 'top_k'");
  if (selects && !plan.labels.empty() && static_cast<int64_t>(plan.labels.size()) != width) {
    return misfit(output,
                  std::to_string(width) + " 'labels', one per class, and not " + std::to_string(plan.labels.size()));
  }
  return {};
}

// The outputs that clients see in place of `output`.
std::vector<OutputSpec> faces_of(const OutputPlan& plan, const OutputSpec& output) {
  OutputSpec face = output;
  if (!plan.name.empty()) face.name = plan.name;
  if (!changes_values(plan)) return {face};
  face.dtype = plan.threshold ? DType::kBool : DType::kFp32;
  if (!plan.argmax && plan.top_k == 0) return {face};
  Shape shape(output.dims.dims().first(output.dims.rank() - 1));
  face.dim_names.resize(shape.rank());
  if (plan.top_k > 0) {
    shape.push_back(plan.top_k);
    face.dim_names.emplace_back();
  }
  face.dims = shape;
  OutputSpec scores = face;
  face.dtype = plan.labels.empty() ? DType::kInt64 : DType::kString;
  if (plan.argmax) return {face};
  scores.name = plan.scores_name.empty() ? face.name + "_scores" : plan.scores_name;
  return {face, scores};
}

}  // namespace

Result<std::shared_ptr<Runner>> apply_output_plans(const std::map<std::string, OutputPlan>& plans,
                                                   std::shared_ptr<Runner> runner, BufferPool& pool, ModelSpec& spec) {
  if (plans.empty()) return runner;
  for (const auto& [name, plan] : plans) {
    const int index = spec.output_index(name);
    if (index < 0) {
      NearestName nearest(name);
      for (const OutputSpec& output : spec.outputs) nearest.offer(output.name);
      return {Code::kInvalidArgument,
              "'postprocess' names the output '" + name + "', which the model has not" + nearest.question()};
    }
    if (Status status = check(plan, spec.outputs[static_cast<size_t>(index)], spec.batched); !status.ok())
      return status;
  }
  std::vector<std::optional<OutputPlan>> by_output(spec.outputs.size());
  std::vector<Source> sources;
  std::vector<OutputSpec> faces;
  std::vector<std::string> names;
  for (size_t i = 0; i < spec.outputs.size(); ++i) {
    const auto found = plans.find(spec.outputs[i].name);
    if (found != plans.end()) by_output[i] = found->second;
    names.push_back(spec.outputs[i].name);
    for (OutputSpec& face : faces_of(by_output[i].value_or(OutputPlan{}), spec.outputs[i])) {
      sources.push_back({static_cast<uint16_t>(i), !faces.empty() && !sources.empty() && sources.back().graph == i});
      for (const OutputSpec& other : faces) {
        if (other.name != face.name) continue;
        return {Code::kInvalidArgument, "'postprocess' gives two outputs the name '" + face.name + "'"};
      }
      faces.push_back(std::move(face));
    }
  }
  spec.outputs = std::move(faces);
  return std::shared_ptr<Runner>(std::make_shared<PostprocessRunner>(std::move(runner), pool, std::move(by_output),
                                                                     std::move(sources), std::move(names)));
}

}  // namespace ortserve
