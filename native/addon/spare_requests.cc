// SPDX-License-Identifier: Apache-2.0
#include "addon/spare_requests.h"

#include <utility>

namespace ortserve {

namespace {

template <typename T>
std::vector<T> emptied(std::vector<T>&& vector) noexcept {
  vector.clear();
  return std::move(vector);
}

}  // namespace

std::unique_ptr<PortRequest> SpareRequests::take() {
  if (spare_.empty()) return std::make_unique<PortRequest>();
  std::unique_ptr<PortRequest> request = std::move(spare_.back());
  spare_.pop_back();
  return request;
}

void SpareRequests::keep(std::unique_ptr<PortRequest> request) noexcept {
  const bool small = request->inputs.capacity() <= kMostValues && request->outputs.capacity() <= kMostValues;
  if (!small || spare_.size() == kMost) return;
  // Made anew rather than put back field by field: nothing of one caller can reach the next.
  auto inputs = emptied(std::move(request->inputs));
  auto outputs = emptied(std::move(request->outputs));
  auto present = emptied(std::move(request->present));
  auto binary = emptied(std::move(request->binary));
  std::destroy_at(request.get());
  std::construct_at(request.get());
  request->inputs = std::move(inputs);
  request->outputs = std::move(outputs);
  request->present = std::move(present);
  request->binary = std::move(binary);
  spare_.push_back(std::move(request));
}

}  // namespace ortserve
