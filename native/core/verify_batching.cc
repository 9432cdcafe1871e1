// SPDX-License-Identifier: Apache-2.0
#include "core/verify_batching.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>

#include "core/codec/float16.h"
#include "core/synthetic_inputs.h"

namespace ortserve {

namespace {

// Why the declared shapes rule a batch out, or "".
std::string graph_objection(const ModelSpec& spec) {
  std::string batch_name;
  if (spec.inputs.empty()) return "the model has no inputs";
  for (const InputSpec& input : spec.inputs) {
    const std::string name = "input '" + input.name + "'";
    if (input.dims.rank() == 0) return name + " is a scalar";
    if (input.dims[0] >= 0) return name + " has the fixed shape " + input.dims.to_string();
    const std::string& symbol = input.dim_names.empty() ? std::string() : input.dim_names[0];
    for (size_t d = 1; d < input.dim_names.size(); ++d) {
      if (!symbol.empty() && input.dim_names[d] == symbol) return name + " uses '" + symbol + "' for two dimensions";
    }
    if (!symbol.empty() && !batch_name.empty() && symbol != batch_name) {
      return "the inputs' first dimensions are '" + batch_name + "' and '" + symbol + "'";
    }
    if (!symbol.empty()) batch_name = symbol;
  }
  for (const OutputSpec& output : spec.outputs) {
    const std::string name = "output '" + output.name + "'";
    if (output.kind == Value::Kind::kMap) return name + " is a map";
    if (output.kind == Value::Kind::kSequence) continue;
    if (output.dims.rank() == 0) return name + " is a scalar";
    if (output.dims[0] >= 0) return name + " has the fixed shape " + output.dims.to_string();
  }
  return "";
}

bool close(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= tolerance * (1 + std::max(std::abs(a), std::abs(b)));
}

template <typename T, typename ToDouble>
bool all_close(const Tensor& a, const Tensor& b, double tolerance, ToDouble to_double) {
  const auto count = static_cast<size_t>(a.elements());
  for (size_t i = 0; i < count; ++i) {
    if (!close(to_double(a.data.as<const T>()[i]), to_double(b.data.as<const T>()[i]), tolerance)) return false;
  }
  return true;
}

bool equal_strings(const Tensor& a, const Tensor& b) {
  for (int64_t i = 0; i < a.elements(); ++i) {
    if (a.string_at(i) != b.string_at(i)) return false;
  }
  return true;
}

// Kernels for different row counts add in a different order, hence a tolerance for floats.
bool same_tensor(const Tensor& a, const Tensor& b) {
  if (a.dtype != b.dtype || !(a.shape == b.shape)) return false;
  switch (a.dtype) {
    case DType::kFp32:
      return all_close<float>(a, b, 1e-3, [](float v) { return v; });
    case DType::kFp64:
      return all_close<double>(a, b, 1e-6, [](double v) { return v; });
    case DType::kFp16:
      return all_close<uint16_t>(a, b, 1e-2, fp16_to_float);
    case DType::kBf16:
      return all_close<uint16_t>(a, b, 1e-1, bf16_to_float);
    case DType::kString:
      return equal_strings(a, b);
    default:
      return a.data.empty() || std::memcmp(a.data.data(), b.data.data(), a.data.size()) == 0;
  }
}

bool same_value(const Value& a, const Value& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == Value::Kind::kTensor) return same_tensor(a.tensor, b.tensor);
  if (a.kind == Value::Kind::kMap) return same_tensor(*a.keys, *b.keys) && same_tensor(a.tensor, b.tensor);
  if (a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!same_value(a.items[i], b.items[i])) return false;
  }
  return true;
}

bool row_equals(const Value& together, int64_t row, const Value& alone) {
  if (together.kind == Value::Kind::kSequence)
    return same_value(together.items[static_cast<size_t>(row)], alone.items[0]);
  return same_tensor(together.tensor.rows(row, 1), alone.tensor);
}

struct Trial {
  bool ran = false;
  std::string objection;  ///< "": every row came out the same
};

// Runs `kRows` rows together and each alone.
Trial run_trial(Runner& runner, const ModelSpec& spec, BufferPool& pool, int64_t dynamic_dim, const Variety& variety) {
  constexpr int64_t kRows = 3;
  const auto wanted = all_outputs(spec);
  const std::vector<bool> present(spec.inputs.size(), true);
  auto inputs = synthetic_inputs(spec, pool, kRows, dynamic_dim, variety);
  if (!inputs.ok()) return {false, inputs.status().message()};
  std::vector<Value> together;
  if (Status status = runner.run(*inputs, present, wanted, together, nullptr); !status.ok()) {
    return {false, status.message()};
  }
  for (int64_t row = 0; row < kRows; ++row) {
    std::vector<Tensor> one;
    for (const Tensor& input : *inputs) one.push_back(input.rows(row, 1));
    std::vector<Value> alone;
    if (Status status = runner.run(one, present, wanted, alone, nullptr); !status.ok()) {
      return {false, status.message()};
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
      const std::string name = "output '" + spec.outputs[i].name + "'";
      if (together[i].rows() != kRows || alone[i].rows() != 1)
        return {true, name + " does not have one row per input row"};
      if (!row_equals(together[i], row, alone[i])) return {true, name + " of a row depends on the rows beside it"};
    }
  }
  return {true, ""};
}

bool is_float(DType dtype) noexcept {
  return dtype == DType::kFp16 || dtype == DType::kBf16 || dtype == DType::kFp32 || dtype == DType::kFp64;
}

// What any model with categories may know, beside what this one does.
std::vector<std::string> with_usual_words(std::vector<std::string> words) {
  words.insert(words.end(), {"a", "b", "c", "0", "1", "2", "yes", "no", "true", "false", "unknown words"});
  return words;
}

// From plain to wild. Of words each meets its neighbours in the list, which are most often those of one category.
std::vector<Variety> varieties(const ModelSpec& spec, std::span<const std::string> words) {
  const auto any = [&](auto is) { return std::ranges::any_of(spec.inputs, is, &InputSpec::dtype); };
  std::vector<Variety> varied{{.spread = 4, .integers = 10, .words = words}};
  if (any([](DType dtype) { return dtype != DType::kBool && !is_float(dtype); })) {
    varied.push_back({.spread = 4, .integers = 128, .negative = true, .words = words});
  }
  if (any([](DType dtype) { return dtype == DType::kString; })) {
    for (size_t first = 2; first < words.size(); first += 2) {
      varied.push_back({.spread = 4, .integers = 10, .words = words, .first_word = first});
    }
  }
  return varied;
}

// The plainest values run on most models; the others on those that take them: an index out of range fails a run.
std::string run_objection(Runner& runner, const ModelSpec& spec, BufferPool& pool, std::vector<std::string> words) {
  constexpr std::chrono::milliseconds kBudget{500};  // beside the first two trials, whatever they take
  const int64_t dynamic_dim = runnable_dynamic_dim(runner, spec, pool);
  if (dynamic_dim == 0) return "the model does not run on synthetic inputs";
  const Trial plain = run_trial(runner, spec, pool, dynamic_dim, {});
  if (!plain.objection.empty()) return plain.objection;
  const std::vector<std::string> all_words = with_usual_words(std::move(words));
  const TimePoint end = Clock::now() + kBudget;
  for (const Variety& variety : varieties(spec, all_words)) {
    const Trial trial = run_trial(runner, spec, pool, dynamic_dim, variety);
    if (trial.ran && !trial.objection.empty()) return trial.objection;
    if (Clock::now() > end) break;
  }
  return "";
}

}  // namespace

void verify_batching(Runner& runner, ModelSpec& spec, BufferPool& pool, std::vector<std::string> words) {
  spec.batched = false;
  spec.batching_reason = graph_objection(spec);
  if (!spec.batching_reason.empty()) return;
  spec.batched = true;  // synthetic inputs then vary in rows
  spec.batching_reason = run_objection(runner, spec, pool, std::move(words));
  spec.batched = spec.batching_reason.empty();
  if (spec.batched) spec.batching_reason = "rows run together equal rows run alone";
}

}  // namespace ortserve
