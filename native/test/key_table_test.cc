// SPDX-License-Identifier: Apache-2.0
#include "core/key_table.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

namespace ortserve {
namespace {

struct Item {
  CacheKey key;
};

TEST(KeyTable, FindsNothingWhereThereIsNothing) {
  KeyTable<Item> table;
  EXPECT_EQ(table.find({1, 2}), nullptr);
  EXPECT_EQ(table.size(), 0u);
}

TEST(KeyTable, TellsKeysApartThatShareAHalf) {
  KeyTable<Item> table;
  Item a{{7, 1}}, b{{7, 2}}, c{{8, 1}};
  for (Item* item : {&a, &b, &c}) table.insert(*item);
  EXPECT_EQ(table.find({7, 1}), &a);
  EXPECT_EQ(table.find({7, 2}), &b);
  EXPECT_EQ(table.find({8, 1}), &c);
  EXPECT_EQ(table.find({8, 2}), nullptr);
  table.erase(a);
  EXPECT_EQ(table.find({7, 1}), nullptr);
  EXPECT_EQ(table.find({7, 2}), &b);
}

// Few home slots, many of them at the end of the table: runs are long, wrap around, and are erased from the middle.
TEST(KeyTable, AgreesWithAMapWhateverComesAndGoes) {
  std::mt19937_64 random(5);
  KeyTable<Item> table;
  std::map<std::pair<uint64_t, uint64_t>, std::unique_ptr<Item>> expected;
  for (int step = 0; step < 20'000; ++step) {
    const CacheKey key{random() % 12 + (random() % 4) * 1024 - 6, random() % 3};
    const auto at = std::pair(key.low, key.high);
    const auto found = expected.find(at);
    ASSERT_EQ(table.find(key), found == expected.end() ? nullptr : found->second.get());
    if (found != expected.end()) {
      table.erase(*found->second);
      expected.erase(found);
    } else if (step % 3000 < 2500) {
      auto& item = expected[at] = std::make_unique<Item>(Item{key});
      table.insert(*item);
    }
    ASSERT_EQ(table.size(), expected.size());
  }
  size_t visited = 0;
  table.for_each([&](const Item& item) { visited += expected.contains({item.key.low, item.key.high}) ? 1 : 0; });
  EXPECT_EQ(visited, expected.size());
}

}  // namespace
}  // namespace ortserve
