// SPDX-License-Identifier: Apache-2.0
// Bucketed dims: what is refused, what is padded with what, and that outputs come back at their own size.
#include "core/axis_buckets.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "core/resize_axis.h"
#include "test/batcher_fixture.h"

namespace ortserve {
namespace {

// tokens INT64 [N, L], mask FP32 [N, L] -> y FP32 [N, L, 2], score FP32 [N, 1]
ModelSpec token_spec() {
  ModelSpec spec;
  spec.name = "tokens";
  spec.inputs.push_back({.name = "tokens", .dtype = DType::kInt64, .dims = Shape{-1, -1}, .dim_names = {"N", "L"}});
  spec.inputs.push_back({.name = "mask", .dtype = DType::kFp32, .dims = Shape{-1, -1}, .dim_names = {"N", "L"}});
  spec.outputs.push_back({.name = "y", .dims = Shape{-1, -1, 2}, .dim_names = {"N", "L", ""}});
  spec.outputs.push_back({.name = "score", .dims = Shape{-1, 1}, .dim_names = {"N", ""}});
  spec.batched = true;
  return spec;
}

std::string refusal(const AxisBucketOption& option) {
  auto buckets = AxisBuckets::create(token_spec(), {option});
  if (buckets.ok()) return "";
  const Status status = buckets.take_status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  return status.message();
}

TEST(AxisBuckets, RefusesWhatFitsNoInput) {
  EXPECT_NE(refusal({.dim = "M", .sizes = {4}}).find("one of L"), std::string::npos);
  EXPECT_NE(refusal({.dim = "N", .sizes = {4}}).find("one of L"), std::string::npos) << "the batch dim is pad_to's";
  EXPECT_NE(refusal({.dim = "L", .sizes = {4}, .pad_value = 0.5}).find("no INT64, as input 'tokens'"),
            std::string::npos);
  EXPECT_NE(refusal({.dim = "L", .sizes = {4}, .pad_value = 9.3e18}).find("no INT64"), std::string::npos);
  EXPECT_NE(refusal({.dim = "L", .sizes = {4}, .pad_values = {{"y", 1.0}}}).find("'y'"), std::string::npos);
  EXPECT_EQ(refusal({.dim = "L", .sizes = {4}, .pad_values = {{"tokens", -1.0}}}), "");
}

class AxisBucketsTest : public ::testing::Test {
 protected:
  Tensor numbers(DType dtype, const Shape& shape) {
    Tensor tensor = allocate_tensor(pool, dtype, shape).value();
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      if (dtype == DType::kInt64) tensor.data.as<int64_t>()[i] = i + 1;
      if (dtype == DType::kFp32) tensor.data.as<float>()[i] = static_cast<float>(i + 1);
    }
    return tensor;
  }
  Request request(int64_t rows, int64_t length, int64_t mask_length) {
    Request made;
    made.inputs = {numbers(DType::kInt64, {rows, length}), numbers(DType::kFp32, {rows, mask_length})};
    made.present = {true, true};
    made.rows = rows;
    return made;
  }

  BufferPool pool{{}};
  AxisBuckets buckets =
      AxisBuckets::create(token_spec(),
                          {{.dim = "L", .sizes = {8, 4}, .pad_value = 0, .pad_values = {{"tokens", -7.0}}}})
          .value();
};

TEST_F(AxisBucketsTest, InputsThatDisagreeAreRefusedAndUnchanged) {
  Request bad = request(1, 3, 2);
  const Status status = buckets.pad(pool, true, bad);
  EXPECT_EQ(status.code(), Code::kInvalidInput);
  EXPECT_NE(status.message().find("'L'"), std::string::npos);
  EXPECT_EQ(bad.inputs[0].shape, (Shape{1, 3}));
}

TEST_F(AxisBucketsTest, PadsEachRowWithTheInputsOwnValue) {
  Request padded = request(2, 3, 3);
  ASSERT_TRUE(buckets.pad(pool, true, padded).ok());
  ASSERT_EQ(padded.inputs[0].shape, (Shape{2, 4}));
  const int64_t tokens[] = {1, 2, 3, -7, 4, 5, 6, -7};
  EXPECT_EQ(std::memcmp(padded.inputs[0].data.data(), tokens, sizeof(tokens)), 0);
  const float mask[] = {1, 2, 3, 0, 4, 5, 6, 0};
  EXPECT_EQ(std::memcmp(padded.inputs[1].data.data(), mask, sizeof(mask)), 0);
  Request other = request(1, 4, 4);
  ASSERT_TRUE(buckets.pad(pool, true, other).ok());
  EXPECT_EQ(padded.shape_key, other.shape_key) << "they may share a batch now";
}

TEST_F(AxisBucketsTest, LeavesWhatFitsOrIsTooLong) {
  for (int64_t length : {4, 8, 9}) {
    Request same = request(1, length, length);
    const std::byte* before = same.inputs[0].data.data();
    ASSERT_TRUE(buckets.pad(pool, true, same).ok());
    EXPECT_EQ(same.inputs[0].data.data(), before) << length << " needs no copy";
    EXPECT_EQ(same.copied.in, 0u);
  }
}

TEST_F(AxisBucketsTest, CutsOnlyTheOutputsThatHaveTheDim) {
  Request done = request(2, 3, 3);
  ASSERT_TRUE(buckets.pad(pool, true, done).ok());
  done.wanted = {1, 0};
  done.outputs.resize(2);
  done.outputs[0].tensor = numbers(DType::kFp32, {2, 1});
  done.outputs[1].tensor = numbers(DType::kFp32, {2, 4, 2});
  ASSERT_TRUE(buckets.trim(pool, done).ok());
  EXPECT_EQ(done.outputs[0].tensor.shape, (Shape{2, 1}));
  ASSERT_EQ(done.outputs[1].tensor.shape, (Shape{2, 3, 2}));
  const float expected[] = {1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14};
  EXPECT_EQ(std::memcmp(done.outputs[1].tensor.data.data(), expected, sizeof(expected)), 0);
}

TEST(ResizeAxis, StringsAreFilledUpWithEmptyOnesAndCutBack) {
  BufferPool pool{{}};
  Tensor words;
  words.dtype = DType::kString;
  words.shape = Shape{2, 2};
  words.offsets = {0, 1, 3, 3, 6};  // "a" "bc" "" "def"
  words.data = pool.acquire(6).value();
  std::memcpy(words.data.data(), "abcdef", 6);
  const Tensor longer = resize_axis(pool, words, 1, 3, {}).value();
  ASSERT_EQ(longer.shape, (Shape{2, 3}));
  const std::vector<std::string_view> expected = {"a", "bc", "", "", "def", ""};
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(longer.string_at(i), expected[static_cast<size_t>(i)]) << i;
  const Tensor back = resize_axis(pool, longer, 1, 2, {}).value();
  EXPECT_EQ(back.offsets, words.offsets);
  EXPECT_EQ(std::memcmp(back.data.data(), "abcdef", 6), 0);
}

// Against a plain loop over indices.
TEST(ResizeAxis, AnyAxisOfAnyShape) {
  BufferPool pool{{}};
  std::mt19937 random(5);
  const auto upto = [&](int64_t most) { return static_cast<int64_t>(random() % static_cast<uint32_t>(most + 1)); };
  const float fill = 3.5f;
  for (int round = 0; round < 200; ++round) {
    const Shape from{upto(4), upto(4), upto(4)};
    const size_t axis = random() % 3;
    Shape to = from;
    to[axis] = upto(6);
    const Tensor tensor = allocate_tensor(pool, DType::kFp32, from).value();
    for (int64_t i = 0; i < tensor.elements(); ++i) tensor.data.as<float>()[i] = static_cast<float>(i);
    const Tensor resized = resize_axis(pool, tensor, axis, to[axis], std::as_bytes(std::span(&fill, 1))).value();
    ASSERT_EQ(resized.shape, to);
    int64_t at = 0;
    for (int64_t i = 0; i < to[0]; ++i) {
      for (int64_t j = 0; j < to[1]; ++j) {
        for (int64_t k = 0; k < to[2]; ++k, ++at) {
          const bool inside = i < from[0] && j < from[1] && k < from[2];
          const auto source = static_cast<float>((i * from[1] + j) * from[2] + k);
          ASSERT_EQ(resized.data.as<const float>()[at], inside ? source : fill);
        }
      }
    }
  }
}

// Rows of the fake runner's model are two columns wide; here the columns are the bucketed dim.
class BucketedBatcherTest : public testing::BatcherTest {
 protected:
  BucketedBatcherTest() {
    spec = testing::sum_spec();
    spec.inputs[0].dims = Shape{-1, -1};
    spec.inputs[0].dim_names = {"N", "C"};
  }
  std::unique_ptr<Request> narrow(float value) {
    auto made = request(value);
    made->inputs[0].shape = Shape{1, 1};
    made->inputs[0].data = made->inputs[0].data.slice(0, sizeof(float));
    made->input_bytes = sizeof(float);
    made->shape_key = shape_key_of(*made, true);
    return made;
  }
  ModelSpec spec;
};

TEST_F(BucketedBatcherTest, RequestsOfOneBucketRunTogether) {
  BatcherOptions options{.instances = 1, .max_batch_rows = 8};
  options.buckets = AxisBuckets::create(spec, {{.dim = "C", .sizes = {2}, .pad_value = 100}}).value();
  start(std::move(options), {}, spec);
  occupy_runner();
  ASSERT_TRUE(submit(narrow(1)).ok());
  ASSERT_TRUE(submit(request(5)).ok());
  runner->open_gate();
  std::vector<float> sums;
  for (const auto& done : sink.wait_for(3)) {
    ASSERT_TRUE(done->status.ok()) << done->status.message();
    sums.push_back(done->outputs.at(0).tensor.data.as<const float>()[0]);
  }
  EXPECT_EQ(sums, (std::vector<float>{0, 101, 5}));
  EXPECT_EQ(runner->rows_seen(), (std::vector<int64_t>{1, 2}));
}

}  // namespace
}  // namespace ortserve
