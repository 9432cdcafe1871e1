// SPDX-License-Identifier: Apache-2.0
// A request on its way through the core for one JavaScript environment.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "addon/completion_record.h"
#include "addon/js_reference.h"
#include "addon/loaded_model.h"
#include "core/codec/wire.h"
#include "core/histogram.h"

namespace ortserve {

class CompletionPort;

/// Holds its port and its model, so that both live until it is answered.
struct PortRequest final : WireRequest {
  std::shared_ptr<CompletionPort> port;
  std::shared_ptr<LoadedModel> model;
  uint32_t ticket = 0;
  CompletionRecord record{};  ///< the encoded answer of a wire request; all zero before prepare()
  bool embedded = false;      ///< predict() of a JavaScript caller: the outputs cross as values, not as a reply body
  /// Not empty: each wanted output is counted by the histogram at its place, and what is answered is how many elements
  /// it had, INT64 [1].
  std::vector<std::shared_ptr<Histogram>> histograms;
  bool lent = false;  ///< inputs are read in the caller's memory
  /// Keeps lent memory alive. Made and dropped on the JS thread: embedded requests die there.
  std::vector<JsReference> lent_values;
};

}  // namespace ortserve
