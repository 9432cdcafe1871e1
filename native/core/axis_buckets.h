// SPDX-License-Identifier: Apache-2.0
// Bucketed dynamic axes: inputs are padded along a dynamic dim to one of few sizes, so that requests of different
// lengths share a batch (and a provider that pays for each new shape sees few of them); outputs are cut back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/model_spec.h"
#include "core/request.h"

namespace ortserve {

/// What the model's author says of one dynamic dim. Only the author knows that padding changes nothing that matters.
struct AxisBucketOption {
  std::string dim;                           ///< its symbolic name in the graph, such as "sequence"
  std::vector<int64_t> sizes;                ///< any order; a longer input runs as it is
  double pad_value = 0;                      ///< element that fills up; strings are filled up with ""
  std::map<std::string, double> pad_values;  ///< the same by input, where it differs
};

/// The compiled options of one model. Immutable, for any thread.
class AxisBuckets {
 public:
  AxisBuckets() = default;

  /// kInvalidArgument, naming what is there, when an option fits no input, names the batch dim or an input that lacks
  /// the dim, or a pad value is none of the input's datatype.
  static Result<AxisBuckets> create(const ModelSpec& spec, const std::vector<AxisBucketOption>& options);

  bool empty() const noexcept { return rules_.empty(); }

  /// Pads the inputs, one copy each where they are not of a bucket's size already, and renews request.shape_key. Fails
  /// with kInvalidInput when inputs disagree about a dim, or kOutOfMemory; the request's inputs are unchanged then.
  Status pad(BufferPool& pool, bool batched, Request& request) const;
  /// Cuts the outputs of a request that ran back to the sizes its inputs had; kOutOfMemory leaves them padded.
  Status trim(BufferPool& pool, Request& request) const;

 private:
  struct Place {
    size_t tensor;  // index of the input or output
    size_t axis;
  };
  struct InputPlace : Place {
    std::vector<std::byte> fill;  // one element; empty for strings
  };
  struct Rule {
    std::string dim;
    std::vector<int64_t> sizes;  // ascending
    std::vector<InputPlace> inputs;
    std::vector<Place> outputs;
  };

  static Result<Rule> compile(const ModelSpec& spec, const AxisBucketOption& option);
  static Status compile_inputs(const ModelSpec& spec, const AxisBucketOption& option, Rule& rule);

  std::vector<Rule> rules_;
};

}  // namespace ortserve
