// SPDX-License-Identifier: Apache-2.0
// What a loaded model takes and gives: the core's only knowledge of a model.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "core/transform/gather.h"
#include "core/transform/input_plan.h"

namespace ortserve {

/// What the integers of a quantized graph's input stand for: (q - zero_point) * scale.
struct InputQuantization {
  float scale = 1;
  int32_t zero_point = 0;
};

/// What a graph does first to the pixels that its UINT8 input takes: pixel * mul + add, in FP32. One of each for all
/// channels of the tensor, or one per channel.
struct InputArithmetic {
  std::vector<float> mul, add;
};

struct InputSpec {
  std::string name;
  DType dtype = DType::kFp32;
  Shape dims;                          ///< -1 where dynamic; includes the batch dim when the model is batched
  std::vector<std::string> dim_names;  ///< symbolic name per dim, "" where none
  /// What the dims may be where the provider was prepared for a range of shapes; of rank 0: anything.
  Shape least, most;
  bool optional = false;
  std::vector<std::string> features;  ///< names of the columns of a [rows, n] input, from the config; else empty
  /// How requests bring it where they do not bring the tensor; null: only as the tensor.
  std::shared_ptr<const InputPlan> plan;
  /// From the metadata of a graph whose float input became UINT8 or INT8; plans that make floats follow it.
  std::optional<InputQuantization> quantized;
  /// From the metadata of a graph that normalizes pixels itself; plans of images then leave that to it.
  std::optional<InputArithmetic> arithmetic;
  /// Where a pruned graph takes only some elements of the last dim: requests bring all of them, and these are kept.
  /// In a loaded model's spec the last of `dims` is what requests bring; in a session's, what the graph takes.
  std::shared_ptr<const LiveIndices> live;
};

struct OutputSpec {
  std::string name;
  Value::Kind kind = Value::Kind::kTensor;
  DType dtype = DType::kFp32;       ///< of the tensor, or of a map's values
  DType key_dtype = DType::kInt64;  ///< of a map's keys
  Shape dims;                       ///< -1 where dynamic; empty for sequences and maps
  std::vector<std::string> dim_names;
};

struct ModelSpec {
  std::string name;
  std::string version;  ///< as sent in replies
  std::vector<InputSpec> inputs;
  std::vector<OutputSpec> outputs;
  bool batched = false;             ///< dim 0 of every input and output is the row count, verified at load
  std::string batching_reason;      ///< why `batched` is what it is, for people
  std::vector<std::string> labels;  ///< of classes, in the order of the scores, from the config; else empty
  int64_t example_dim = 1;          ///< a size of every other dynamic dim that the model runs with; 0: none was found
  int64_t max_rows = 0;             ///< most rows one request may bring; 0: no limit

  /// Makes `dims` of pruned inputs those that requests bring.
  void show_unpruned() noexcept;

  int input_index(std::string_view name) const noexcept;   ///< -1: none
  int output_index(std::string_view name) const noexcept;  ///< -1: none
  bool has_dynamic_inputs() const noexcept;                ///< in dims besides the rows of a batched model
};

}  // namespace ortserve
