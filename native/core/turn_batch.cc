// SPDX-License-Identifier: Apache-2.0
#include "core/turn_batch.h"

#include <algorithm>
#include <utility>

#include "core/batcher.h"

namespace ortserve {

void TurnBatch::add(Batcher& batcher, std::unique_ptr<Request> request, int64_t max_rows) {
  ++added_;
  auto group = std::ranges::find(groups_, &batcher, [](const Group& each) { return each.batcher.get(); });
  if (group == groups_.end()) {
    group = groups_.insert(group, Group{batcher.shared_from_this(), std::exchange(spare_, {}), 0});
  }
  if (!group->requests.empty()) {
    const Request& first = *group->requests.front();
    const bool fits = group->rows + request->rows <= max_rows && request->shape_key == first.shape_key;
    // The key is a hash: check the shapes themselves before two requests share memory.
    if (!fits || !may_share_batch(first, *request)) run(*group);
  }
  group->rows += request->rows;
  group->requests.push_back(std::move(request));
}

void TurnBatch::run(Group& group) noexcept {
  ended_ += group.requests.size();
  group.batcher->run_turn(group.requests);
  group.requests.clear();
  group.rows = 0;
}

void TurnBatch::run() noexcept {
  for (Group& group : groups_) {
    run(group);
    if (group.requests.capacity() > spare_.capacity()) spare_ = std::move(group.requests);
  }
  groups_.clear();  // holds no model longer than its requests
}

void TurnBatch::drop() noexcept {
  for (Group& group : groups_) {
    for (const auto& request : group.requests) {
      request->status = Status(Code::kCancelled, "the thread that asked has ended");
    }
    group.batcher->drop_turn(group.requests);
  }
  groups_.clear();
}

}  // namespace ortserve
