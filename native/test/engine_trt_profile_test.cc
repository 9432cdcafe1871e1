// SPDX-License-Identifier: Apache-2.0
#include "engine/trt_profile.h"

#include <gtest/gtest.h>

namespace ortserve {
namespace {

ModelSpec spec() {
  ModelSpec spec;
  spec.inputs.push_back({.name = "image", .dims = Shape{-1, 3, -1}, .dim_names = {"N", "", "width"}});
  spec.inputs.push_back({.name = "fixed", .dims = Shape{1, 4}, .dim_names = {"", ""}});
  spec.inputs.push_back({.name = "a:b", .dims = Shape{-1}, .dim_names = {"N"}});
  return spec;
}

ProviderSettings user(std::string min, std::string opt, std::string max) {
  return {{"trt_profile_min_shapes", std::move(min)},
          {"trt_profile_opt_shapes", std::move(opt)},
          {"trt_profile_max_shapes", std::move(max)}};
}

void expect_refused(const ProviderSettings& settings, const std::string& words) {
  const auto profile = profile_of_user(spec(), settings);
  ASSERT_FALSE(profile.ok()) << words;
  EXPECT_EQ(profile.status().code(), Code::kInvalidArgument);
  EXPECT_NE(profile.status().message().find(words), std::string::npos) << profile.status().message();
}

TEST(TrtProfileOfUser, RefusesWhatTensorrtWouldNotTake) {
  expect_refused({{"trt_profile_min_shapes", "image:1x3x8"}}, "expected all three");
  for (const char* bad : {"image", ":1x3", "image:", "image:1x3x", "image:1y3", "image:-1x3x8", ","}) {
    expect_refused(user(bad, bad, bad), "expected name:1x3x224x224");
  }
  expect_refused(user("image:1x3x8", "image:1x3x8", "image:1x3x8"), "input 'a:b' [-1] are missing");
  expect_refused(user("image:1x4x8,a:b:1", "image:1x3x8,a:b:1", "image:1x3x8,a:b:1"), "do not fit");
  expect_refused(user("image:1x3,a:b:1", "image:1x3,a:b:1", "image:1x3,a:b:1"), "do not fit");
  expect_refused(user("image:4x3x8,a:b:1", "image:2x3x8,a:b:1", "image:8x3x8,a:b:1"), "not in order");
  expect_refused(user("image:1x3x8,image:2x3x8,a:b:1", "image:1x3x8,a:b:1", "image:8x3x8,a:b:1"), "do not match");
}

TEST(TrtProfileOfUser, IsEmptyWhenNoneIsSet) {
  const auto profile = profile_of_user(spec(), {{"trt_fp16_enable", "1"}});
  ASSERT_TRUE(profile.ok());
  EXPECT_TRUE(profile.value().empty());
}

TEST(TrtProfileOfUser, CoversAllProfilesTogether) {
  const auto profile = profile_of_user(spec(), user("image:1x3x8,a:b:1,image:9x3x4", "image:4x3x8,a:b:4,image:9x3x4",
                                                    "image:8x3x16,a:b:8,image:16x3x4"));
  ASSERT_TRUE(profile.ok()) << profile.status().message();
  ASSERT_EQ(profile.value().size(), 3u);
  EXPECT_EQ(profile.value()[0], (ShapeRange{{1, 3, 4}, {4, 3, 8}, {16, 3, 16}}));
  EXPECT_EQ(profile.value()[1], (ShapeRange{{1, 4}, {1, 4}, {1, 4}}));
  EXPECT_EQ(profile.value()[2], (ShapeRange{{1}, {4}, {8}}));
}

TEST(TrtProfile, WhatIsDerivedReadsBackTheSame) {
  const auto ranges = shape_ranges(spec(), {.max_rows = 8, .preferred_rows = {4}, .dims = {{"width", {32, 320}}}});
  ASSERT_TRUE(ranges.ok()) << ranges.status().message();
  ProviderSettings settings;
  set_profile(settings, spec(), ranges.value());
  EXPECT_EQ(settings, user("image:1x3x32,a:b:1", "image:4x3x320,a:b:4", "image:8x3x320,a:b:8"));
  const auto again = profile_of_user(spec(), settings);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again.value(), ranges.value());
}

TEST(TrtProfile, OfAFixedModelSetsNothing) {
  ModelSpec fixed;
  fixed.inputs.push_back({.name = "x", .dims = Shape{1, 4}, .dim_names = {"", ""}});
  ProviderSettings settings;
  set_profile(settings, fixed, shape_ranges(fixed, {}).value());
  EXPECT_TRUE(settings.empty());
}

}  // namespace
}  // namespace ortserve
