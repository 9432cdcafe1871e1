// SPDX-License-Identifier: Apache-2.0
#include "core/delivery_order.h"

#include <utility>

namespace ortserve {

void DeliveryOrder::finish(Batch finished, const std::function<void(Batch&)>& deliver) {
  std::unique_lock lock(mutex_);
  for (auto& request : finished) {
    const uint64_t sequence = request->sequence;
    held_.emplace(sequence, std::move(request));
  }
  if (delivering_) return;  // whoever delivers comes back for these
  delivering_ = true;
  for (;;) {
    Batch ready;
    while (!held_.empty() && held_.begin()->first == next_) {
      ready.push_back(std::move(held_.begin()->second));
      held_.erase(held_.begin());
      ++next_;
    }
    if (ready.empty()) break;
    lock.unlock();
    deliver(ready);
    lock.lock();
  }
  delivering_ = false;
}

}  // namespace ortserve
