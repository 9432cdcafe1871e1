// SPDX-License-Identifier: Apache-2.0
#include "core/request.h"

#include <algorithm>

namespace ortserve {

namespace {

class Hash {
 public:
  void add(uint64_t value) noexcept {  // FNV-1a over 64-bit words, with a final mix from splitmix64
    state_ = (state_ ^ value) * 0x100000001b3ull;
  }
  uint64_t value() const noexcept {
    uint64_t z = state_ + 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_ = 0xcbf29ce484222325ull;
};

bool same_row_shape(const Shape& a, const Shape& b) noexcept {
  return a.rank() == b.rank() && a.rank() > 0 && std::ranges::equal(a.dims().subspan(1), b.dims().subspan(1));
}

}  // namespace

void deliver_to_sinks(std::span<std::unique_ptr<Request>> requests) noexcept {
  while (!requests.empty()) {
    ResultSink* const sink = requests.front()->sink;
    const auto other = std::ranges::find_if(requests, [sink](const auto& request) { return request->sink != sink; });
    const auto own = static_cast<size_t>(other - requests.begin());
    sink->deliver_all(requests.first(own));
    requests = requests.subspan(own);
  }
}

Status dead_status(const Request& request, TimePoint now) {
  if (request.is_cancelled()) return {Code::kCancelled, "the request was cancelled before it ran"};
  if (request.deadline <= now) return {Code::kDeadlineExceeded, "the deadline passed while the request was queued"};
  return {};
}

uint64_t shape_key_of(const Request& request, bool batched) noexcept {
  Hash hash;
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    hash.add(request.present[i]);
    if (!request.present[i]) continue;
    const Tensor& input = request.inputs[i];
    hash.add(static_cast<uint64_t>(input.dtype));
    hash.add(input.shape.rank());
    for (size_t d = batched ? 1 : 0; d < input.shape.rank(); ++d) hash.add(static_cast<uint64_t>(input.shape[d]));
  }
  for (uint16_t output : request.wanted) hash.add(0x10000u | output);
  return hash.value();
}

bool may_share_batch(const Request& a, const Request& b) noexcept {
  if (a.present != b.present || a.wanted != b.wanted) return false;
  for (size_t i = 0; i < a.inputs.size(); ++i) {
    if (!a.present[i]) continue;
    if (a.inputs[i].dtype != b.inputs[i].dtype || !same_row_shape(a.inputs[i].shape, b.inputs[i].shape)) return false;
  }
  return true;
}

}  // namespace ortserve
