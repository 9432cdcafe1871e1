// SPDX-License-Identifier: Apache-2.0
#include "core/codec/seen_bodies.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ortserve {
namespace {

using Question = SeenBodies::Question;

constexpr CachedResult kResult{{.low = 1, .high = 2}, 3};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

Question ask(const std::string& body) {
  return {
      .model = 1, .format = WireFormat::kPredict, .framed = false, .json_size = std::nullopt, .body = bytes_of(body)};
}

// Answers `question` as often as it takes to be known, and keeps the reply.
size_t teach(SeenBodies& seen, const Question& question, const CachedResult& result = kResult) {
  EXPECT_FALSE(seen.learn(question, result)) << "once is not enough";
  const auto place = seen.learn(question, result);
  EXPECT_TRUE(place);
  EXPECT_EQ(seen.find(question), nullptr) << "its reply is not there yet";
  seen.confirm(place.value_or(SeenBodies::kPlaces));
  return place.value_or(SeenBodies::kPlaces);
}

TEST(CodecSeenBodies, KnowsWhatWasAnsweredTwice) {
  SeenBodies seen;
  const std::string body = R"({"instances":[[1,2,3]]})";
  EXPECT_EQ(seen.find(ask(body)), nullptr);
  const size_t place = teach(seen, ask(body));
  const std::string same_bytes = body;
  const SeenBodies::Answer* const answer = seen.find(ask(same_bytes));
  ASSERT_NE(answer, nullptr);
  EXPECT_LT(place, SeenBodies::kPlaces);
  EXPECT_EQ(answer->place, place);
  EXPECT_EQ(answer->result.key, kResult.key);
  EXPECT_EQ(answer->result.number, kResult.number);
}

TEST(CodecSeenBodies, EverythingThatTheReplyDependsOnCounts) {
  SeenBodies seen;
  const std::string body = R"({"instances":[[1,2,3]]})";
  teach(seen, ask(body));
  for (const auto change : std::vector<void (*)(Question&)>{
           [](Question& question) { question.model = 2; },
           [](Question& question) { question.format = WireFormat::kTfServing; },
           [](Question& question) { question.framed = true; },
           [](Question& question) { question.json_size = 5; },
           [](Question& question) { question.body = question.body.first(question.body.size() - 1); },
       }) {
    Question other = ask(body);
    change(other);
    EXPECT_EQ(seen.find(other), nullptr);
  }
}

// The fingerprint looks at a few words only.
TEST(CodecSeenBodies, OneByteAnywhereMakesAnotherBody) {
  for (const size_t size : {1, 63, 64, 65, 300}) {
    SeenBodies seen;
    std::string body(size, 'a');
    teach(seen, ask(body));
    for (char& byte : body) {
      byte = 'b';
      EXPECT_EQ(seen.find(ask(body)), nullptr) << size << " bytes, at " << (&byte - body.data());
      byte = 'a';
    }
    EXPECT_NE(seen.find(ask(body)), nullptr);
  }
}

TEST(CodecSeenBodies, AnEmptyBodyIsABody) {
  SeenBodies seen;
  teach(seen, ask(""));
  EXPECT_NE(seen.find(ask("")), nullptr);
}

TEST(CodecSeenBodies, LongBodiesAreNotKept) {
  SeenBodies seen;
  const std::string longest(SeenBodies::kLongest, 'a');
  teach(seen, ask(longest));
  EXPECT_NE(seen.find(ask(longest)), nullptr);
  const std::string longer(SeenBodies::kLongest + 1, 'a');
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(seen.learn(ask(longer), kResult));
  EXPECT_EQ(seen.find(ask(longer)), nullptr);
}

TEST(CodecSeenBodies, LearnsANewResultOfTheSameBody) {
  SeenBodies seen;
  const std::string body = "body";
  const size_t place = teach(seen, ask(body));
  seen.forget(place);
  EXPECT_EQ(seen.find(ask(body)), nullptr);
  seen.confirm(place);
  EXPECT_EQ(seen.find(ask(body)), nullptr) << "there is nothing to confirm";
  EXPECT_EQ(teach(seen, ask(body), {kResult.key, 4}), place);
  EXPECT_EQ(seen.find(ask(body))->result.number, 4u);
}

TEST(CodecSeenBodies, BodiesThatLookAlikeDoNotDriveOutEachOther) {
  SeenBodies seen;
  const std::string known(1000, 'a');
  teach(seen, ask(known));
  for (int i = 1; i < 8; ++i) {
    std::string other = known;
    other[10] = static_cast<char>('a' + i);
    EXPECT_FALSE(seen.learn(ask(other), kResult)) << i;
    EXPECT_EQ(seen.find(ask(other)), nullptr);
  }
  EXPECT_NE(seen.find(ask(known)), nullptr);
}

// Bodies that share a place, the first of which is known.
class CodecSeenBodiesOfOnePlace : public ::testing::Test {
 protected:
  CodecSeenBodiesOfOnePlace() {
    const size_t place = teach(seen, ask(bodies[0]));
    for (int i = 0; bodies.size() < 3; ++i) {
      std::string body = std::to_string(i);
      SeenBodies probe;
      if (teach(probe, ask(body)) == place) bodies.push_back(std::move(body));
    }
  }
  bool knows(size_t i) { return seen.find(ask(bodies[i])) != nullptr; }
  bool learn(size_t i) {
    const auto place = seen.learn(ask(bodies[i]), kResult);
    if (place) seen.confirm(*place);
    return place.has_value();
  }

  SeenBodies seen;
  std::vector<std::string> bodies = {"known"};
};

TEST_F(CodecSeenBodiesOfOnePlace, WhatComesTwiceInARowTakesThePlace) {
  EXPECT_FALSE(learn(1));
  EXPECT_TRUE(learn(1));
  EXPECT_FALSE(knows(0));
  EXPECT_TRUE(knows(1));
}

TEST_F(CodecSeenBodiesOfOnePlace, WhatIsStillAskedForStays) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(learn(1));
    EXPECT_TRUE(knows(0));  // which is a use of it
  }
}

TEST_F(CodecSeenBodiesOfOnePlace, OthersThatTakeTurnsDoNotTakeIt) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(learn(1));
    EXPECT_FALSE(learn(2));
  }
  EXPECT_TRUE(knows(0));
}

}  // namespace
}  // namespace ortserve
