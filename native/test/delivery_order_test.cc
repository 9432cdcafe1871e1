// SPDX-License-Identifier: Apache-2.0
#include "core/delivery_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace ortserve {
namespace {

using Batch = DeliveryOrder::Batch;

Batch batch_of(std::initializer_list<uint64_t> sequences) {
  Batch batch;
  for (uint64_t sequence : sequences) {
    batch.push_back(std::make_unique<Request>());
    batch.back()->sequence = sequence;
  }
  return batch;
}

using Numbers = std::vector<uint64_t>;

TEST(DeliveryOrder, HoldsBackWhatIsEarly) {
  DeliveryOrder order;
  Numbers seen;
  const auto deliver = [&](Batch& ready) {
    for (const auto& request : ready) seen.push_back(request->sequence);
  };
  order.finish(batch_of({2, 1}), deliver);
  EXPECT_TRUE(seen.empty());
  order.finish(batch_of({0}), deliver);
  EXPECT_EQ(seen, (Numbers{0, 1, 2}));
  order.finish(batch_of({3}), deliver);
  EXPECT_EQ(seen, (Numbers{0, 1, 2, 3}));
}

TEST(DeliveryOrder, ADeliveryMayFinishTheNext) {
  DeliveryOrder order;
  Numbers seen;
  std::function<void(Batch&)> deliver = [&](Batch& ready) {
    for (const auto& request : ready) {
      seen.push_back(request->sequence);
      if (request->sequence == 0) order.finish(batch_of({1}), deliver);
    }
  };
  order.finish(batch_of({0}), deliver);
  EXPECT_EQ(seen, (Numbers{0, 1}));
}

TEST(DeliveryOrder, ManyThreadsOneOrder) {
  constexpr uint64_t kCount = 4000;
  constexpr uint64_t kThreads = 4;
  DeliveryOrder order;
  Numbers seen;  // deliver() is never called twice at a time: no lock
  const auto deliver = [&](Batch& ready) {
    for (const auto& request : ready) seen.push_back(request->sequence);
  };
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = t; i < kCount; i += kThreads) order.finish(batch_of({i}), deliver);
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_EQ(seen.size(), kCount);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

}  // namespace
}  // namespace ortserve
