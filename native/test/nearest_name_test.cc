// SPDX-License-Identifier: Apache-2.0
#include "core/nearest_name.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace ortserve {
namespace {

std::string nearest(std::string_view typed, std::initializer_list<std::string_view> known) {
  NearestName nearest(typed);
  for (const std::string_view name : known) nearest.offer(name);
  return std::string(nearest.name());
}

TEST(NearestName, AsksNothingWhenNothingIsKnown) {
  const NearestName none("x");
  EXPECT_EQ(none.name(), "");
  EXPECT_EQ(none.question(), "");
}

TEST(NearestName, CountsSingleByteEdits) {
  EXPECT_EQ(nearest("sitting", {"sit", "kitten", "sailing a boat"}), "kitten");  // 4, 3 and more edits
  EXPECT_EQ(nearest("lable", {"table", "label", "lab"}), "table");               // 1, 2 and 2
  EXPECT_EQ(nearest("", {"abc", "ab", "abcd"}), "ab");
}

TEST(NearestName, TakesTheFirstOfEquals) {
  EXPECT_EQ(nearest("INPUT", {"INPUT0", "INPUT1"}), "INPUT0");
}

TEST(NearestName, AnEndBehindADotIsMeantWhateverTheDistance) {
  EXPECT_EQ(nearest("spin", {"spun", "session.intra_op.spin"}), "session.intra_op.spin");
  EXPECT_EQ(nearest("spin", {"spun", "topspin"}), "spun");  // no dot
  EXPECT_EQ(nearest("", {"a", "session."}), "a");           // nothing is not an end
  EXPECT_EQ(nearest(".", {"x", "y."}), "x");
}

TEST(NearestName, PutsItIntoAQuestion) {
  NearestName name("imgae");
  name.offer("image");
  EXPECT_EQ(name.question(), "; did you mean 'image'?");
}

TEST(NearestName, LooksAtTheFirst64BytesOfTheFirst256Names) {
  const std::string shared(64, 'a');
  EXPECT_EQ(nearest(shared + "x", {shared + "yyy", shared + "x"}), shared + "yyy");
  const std::vector<std::string> known(256, "far away");
  NearestName name("near");
  for (const std::string& each : known) name.offer(each);
  name.offer("near");
  EXPECT_EQ(name.name(), "far away");
}

}  // namespace
}  // namespace ortserve
