// SPDX-License-Identifier: Apache-2.0
#include "core/transform/gather.h"

#include "transform_fixture.h"

namespace ortserve {
namespace {

using testing::Generator;
using testing::Unaligned;

TEST(LiveIndices, RefuseWhatIsNotAnAscendingSelection) {
  const auto refused = [](std::vector<uint32_t> indices, size_t width) {
    auto live = LiveIndices::create(indices, width);
    return live.ok() ? std::string() : live.status().message();
  };
  EXPECT_EQ(refused({}, 4), "expected at least one live index");
  EXPECT_EQ(refused({0, 4}, 4), "expected ascending live indices below 4, got 4 at place 1");
  EXPECT_EQ(refused({2, 1}, 4), "expected ascending live indices below 4, got 1 at place 1");
  EXPECT_EQ(refused({1, 1}, 4), "expected ascending live indices below 4, got 1 at place 1");
  EXPECT_EQ(refused({0, 3}, 4), "");
}

// Ascending, with runs of up to `longest`.
std::vector<uint32_t> random_indices(Generator& random, size_t width, size_t longest) {
  std::vector<uint32_t> indices;
  for (size_t at = random.size(0, 2); at < width; at += random.size(1, 5)) {
    for (size_t run = random.size(1, longest); run > 0 && at < width; --run, ++at) {
      indices.push_back(static_cast<uint32_t>(at));
    }
  }
  if (indices.empty()) indices.push_back(0);
  return indices;
}

template <typename T>
void expect_gathered(Generator& random, const LiveIndices& live) {
  const size_t rows = random.size(0, 5);
  const size_t stride = live.width() + random.size(0, 3);
  const auto values = random.bits<T>(rows * stride);
  std::vector<T> expected;
  for (size_t row = 0; row < rows; ++row) {
    for (const uint32_t index : live.indices()) expected.push_back(values[row * stride + index]);
  }
  Unaligned<T> source(values, random.size(0, 63));
  Unaligned<T> target(expected.size(), random.size(0, 63));
  live.gather(source.data(), stride * sizeof(T), target.data(), rows, sizeof(T));
  ASSERT_EQ(target.values(), expected);
  live.gather(source.data(), stride * sizeof(T), source.data(), rows, sizeof(T));  // in place
  auto compact = source.values();
  compact.resize(expected.size());
  ASSERT_EQ(compact, expected);
}

TEST(LiveIndices, GatherElementsOfEverySizeAndRunsOfEveryLength) {
  Generator random(31);
  for (int round = 0; round < 100; ++round) {
    const size_t width = random.size(1, 300);
    const auto indices = random_indices(random, width, round % 2 == 0 ? 2 : 40);
    auto live = LiveIndices::create(indices, width);
    ASSERT_TRUE(live.ok());
    EXPECT_EQ(live->live(), indices.size());
    expect_gathered<uint8_t>(random, *live);
    expect_gathered<uint16_t>(random, *live);
    expect_gathered<uint32_t>(random, *live);
    expect_gathered<uint64_t>(random, *live);
  }
}

}  // namespace
}  // namespace ortserve
