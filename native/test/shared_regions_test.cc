// SPDX-License-Identifier: Apache-2.0
// Shared memory that clients have registered: what is refused, bounds, and how long it stays mapped.
#include "core/shared_regions.h"

#include <cstring>
#include <thread>

#include "test/codec_fixture.h"
#include "test/shared_object.h"

namespace ortserve {
namespace {

TEST(SharedRegions, RefusesWhatIsNotThere) {
  SharedRegions regions;
  const SharedObject object(100);
  EXPECT_FAILS(regions.add({"r", "/ortserve-no-such-object", 0, 8}), Code::kInvalidArgument, "Unable to open");
  EXPECT_FAILS(regions.add({"", object.key(), 0, 8}), Code::kInvalidArgument, "expected a name");
  EXPECT_FAILS(regions.add({"r", "", 0, 8}), Code::kInvalidArgument, "a key");
  EXPECT_FAILS(regions.add({"r", std::string("/a\0b", 4), 0, 8}), Code::kInvalidArgument, "a key");
  EXPECT_FAILS(regions.add({"r", object.key(), 0, 0}), Code::kInvalidArgument, "byte_size above 0");
  EXPECT_FAILS(regions.add({"r", object.key(), 0, 101}), Code::kInvalidArgument, "has 100 bytes: expected 101");
  EXPECT_FAILS(regions.add({"r", object.key(), 93, 8}), Code::kInvalidArgument, "from offset 93 on");
  EXPECT_FAILS(regions.add({"r", object.key(), UINT64_MAX, 2}), Code::kInvalidArgument, "has 100 bytes");
  EXPECT_TRUE(regions.list().empty());
  EXPECT_FALSE(regions.remove("r"));
}

TEST(SharedRegions, GivesNothingBeyondARegion) {
  SharedRegions regions;
  const SharedObject object(100);
  ASSERT_OK(regions.add({"r", object.key(), 10, 50}));
  EXPECT_FAILS(regions.add({"r", object.key(), 0, 8}), Code::kInvalidArgument, "region 'r' already in manager");
  EXPECT_FAILS(regions.find("s", 0, 1).status(), Code::kNotFound, "Unable to find shared memory region: 's'");
  EXPECT_FAILS(regions.find("r", 0, 51).status(), Code::kInvalidInput, "at most 50 bytes, got 51");
  EXPECT_FAILS(regions.find("r", 50, 1).status(), Code::kInvalidInput, "from offset 50 on");
  EXPECT_FAILS(regions.find("r", UINT64_MAX, UINT64_MAX).status(), Code::kInvalidInput, "Invalid offset and size");
  EXPECT_TRUE(regions.find("r", 50, 0).ok());
}

TEST(SharedRegions, GivesTheBytesInPlaceAtAnyOffset) {
  SharedRegions regions;
  const SharedObject object(20'000);
  for (const uint64_t offset : {0u, 1u, 4095u, 4096u, 10'001u}) {
    ASSERT_OK(regions.add({"r", object.key(), offset, 5000}));
    auto bytes = regions.find("r", 100, 7);
    ASSERT_TRUE(bytes.ok());
    std::memcpy(object.data() + offset + 100, "written", 7);
    EXPECT_EQ(std::string(bytes->as<const char>(), bytes->size()), "written");
    EXPECT_TRUE(regions.remove("r"));
  }
}

TEST(SharedRegions, KeepsWhatIsUsedMappedAfterItIsRemoved) {
  SharedRegions regions;
  Buffer used;
  {
    const SharedObject object(4096);
    ASSERT_OK(regions.add({"r", object.key(), 0, 4096}));
    used = regions.find("r", 0, 4096).value();
    std::memcpy(object.data(), "still", 5);
    regions.clear();
    EXPECT_TRUE(regions.list().empty());
  }
  EXPECT_EQ(std::string(used.as<const char>(), 5), "still");
  used.data()[0] = std::byte{'x'};
}

TEST(SharedRegions, RefusesAnObjectThatWasCut) {
  SharedRegions regions;
  SharedObject object(8192);
  ASSERT_OK(regions.add({"r", object.key(), 0, 8192}));
  object.resize(4096);
  EXPECT_FAILS(regions.find("r", 0, 8192).status(), Code::kInvalidInput, "has become smaller");
  object.resize(8192);
  EXPECT_TRUE(regions.find("r", 0, 8192).ok());
}

TEST(SharedRegions, ThreadsMayAddFindAndRemoveAtOnce) {
  SharedRegions regions;
  const SharedObject object(4096);
  const auto work = [&](const std::string& own) {
    for (int i = 0; i < 500; ++i) {
      EXPECT_OK(regions.add({own, object.key(), 0, 64}));
      auto bytes = regions.find(own, 0, 64);
      EXPECT_TRUE(bytes.ok());
      EXPECT_TRUE(regions.remove(own));
      EXPECT_EQ(bytes->size(), 64u);
    }
  };
  std::thread other(work, "a");
  work("b");
  other.join();
}

}  // namespace
}  // namespace ortserve
