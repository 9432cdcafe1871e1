// SPDX-License-Identifier: Apache-2.0
// Requests of one JavaScript thread whose memory the next ones take over.
#pragma once

#include <memory>
#include <vector>

#include "addon/port_request.h"

namespace ortserve {

/// A request and its vectors are five allocations, which cost as much as reading a small body: so those that were
/// answered where they came from are made into new ones. Used on the JavaScript thread only.
class SpareRequests {
 public:
  SpareRequests() { spare_.reserve(kMost); }

  /// A request as a new one is, perhaps with room in its vectors.
  std::unique_ptr<PortRequest> take();
  /// Ends an answered request: all that it holds is let go of.
  void keep(std::unique_ptr<PortRequest> request) noexcept;

 private:
  static constexpr size_t kMost = 256;      ///< as many as come in one turn of a busy event loop
  static constexpr size_t kMostValues = 8;  ///< vectors with room for more are not kept

  std::vector<std::unique_ptr<PortRequest>> spare_;
};

}  // namespace ortserve
