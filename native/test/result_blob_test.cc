// SPDX-License-Identifier: Apache-2.0
#include "core/result_blob.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

namespace ortserve {
namespace {

constexpr SharedKey kKey{{1, 2}, {3, 4}};
constexpr size_t kMax = 1 << 20;

class ResultBlobTest : public ::testing::Test {
 protected:
  Tensor strings(const std::vector<std::string>& texts) {
    Tensor tensor;
    tensor.dtype = DType::kString;
    tensor.shape = {static_cast<int64_t>(texts.size())};
    std::string all;
    tensor.offsets = {0};
    for (const std::string& text : texts) {
      all += text;
      tensor.offsets.push_back(all.size());
    }
    tensor.data = Buffer::copy_of(std::as_bytes(std::span(all)));
    return tensor;
  }
  Tensor numbers(DType dtype, const Shape& shape) {
    Tensor tensor = allocate_tensor(pool, dtype, shape).value();
    for (size_t i = 0; i < tensor.data.size(); ++i) tensor.data.data()[i] = static_cast<std::byte>(i * 37 + 1);
    return tensor;
  }
  // A tensor of each datatype, a string tensor, and a sequence of maps.
  std::vector<Value> everything() {
    std::vector<Value> values;
    for (int dtype = 0; dtype < static_cast<int>(DType::kString); ++dtype) {
      values.push_back({.tensor = numbers(static_cast<DType>(dtype), {2, 3})});
    }
    values.push_back({.tensor = numbers(DType::kFp32, {})});
    values.push_back({.tensor = numbers(DType::kFp32, {0, 4})});
    values.push_back({.tensor = strings({"", "ü", std::string("a\0b", 3)})});
    Value map{.kind = Value::Kind::kMap, .tensor = numbers(DType::kFp32, {2})};
    map.keys = std::make_shared<const Tensor>(strings({"x", "yy"}));
    values.push_back({.kind = Value::Kind::kSequence, .items = {map, map}});
    return values;
  }
  static void expect_equal(const Tensor& a, const Tensor& b) {
    EXPECT_EQ(a.dtype, b.dtype);
    EXPECT_EQ(a.shape, b.shape);
    if (a.dtype == DType::kString) {
      for (int64_t i = 0; i < a.elements(); ++i) EXPECT_EQ(a.string_at(i), b.string_at(i));
    } else {
      ASSERT_EQ(a.data.size(), b.data.size());
      if (!a.data.empty()) {
        EXPECT_EQ(std::memcmp(a.data.data(), b.data.data(), a.data.size()), 0);
      }
    }
  }
  static void expect_equal(const Value& a, const Value& b) {
    ASSERT_EQ(a.kind, b.kind);
    expect_equal(a.tensor, b.tensor);
    ASSERT_EQ(a.keys == nullptr, b.keys == nullptr);
    if (a.keys) expect_equal(*a.keys, *b.keys);
    ASSERT_EQ(a.items.size(), b.items.size());
    for (size_t i = 0; i < a.items.size(); ++i) expect_equal(a.items[i], b.items[i]);
  }

  BufferPool pool{{}};
  std::string secret = "a secret that servers share";
  CacheKeyMaker keys{std::as_bytes(std::span(secret))};
};

TEST_F(ResultBlobTest, NothingThatWasAlteredCutOrMovedIsRead) {
  const std::vector<Value> values = everything();
  const auto blob = encode_result(keys, kKey, values, kMax).value();
  EXPECT_FALSE(decode_result(keys, kKey, {}, values.size()));
  EXPECT_FALSE(decode_result(keys, {{1, 2}, {3, 5}}, blob, values.size())) << "another request's";
  EXPECT_FALSE(decode_result(keys, {{1, 3}, {3, 4}}, blob, values.size())) << "another model's";
  EXPECT_FALSE(decode_result(CacheKeyMaker(), kKey, blob, values.size())) << "another secret's";
  EXPECT_FALSE(decode_result(keys, kKey, blob, values.size() - 1));
  EXPECT_FALSE(decode_result(keys, kKey, blob, values.size() + 1));
  for (size_t size = 0; size < blob.size(); ++size) {
    EXPECT_FALSE(decode_result(keys, kKey, std::span(blob).first(size), values.size()));
  }
  for (size_t i = 0; i < blob.size(); ++i) {
    auto altered = blob;
    altered[i] ^= std::byte{1};
    EXPECT_FALSE(decode_result(keys, kKey, altered, values.size()));
  }
}

TEST_F(ResultBlobTest, ReadsBackWhatItWrote) {
  const std::vector<Value> values = everything();
  const auto blob = encode_result(keys, kKey, values, kMax).value();
  const auto read = decode_result(keys, kKey, blob, values.size());
  ASSERT_TRUE(read);
  for (size_t i = 0; i < values.size(); ++i) expect_equal(values[i], (*read)[i]);
}

TEST_F(ResultBlobTest, WritesTheRowsOfABatchAlone) {
  const Tensor batch = strings({"one", "two", "three"});
  const std::vector<Value> row{{.tensor = batch.rows(1, 1)}};
  const auto read = decode_result(keys, kKey, encode_result(keys, kKey, row, kMax).value(), 1);
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)[0].tensor.string_at(0), "two");
  EXPECT_EQ((*read)[0].tensor.data.size(), 3u);
}

TEST_F(ResultBlobTest, IsBounded) {
  const std::vector<Value> values{{.tensor = numbers(DType::kFp32, {100})}};
  const size_t size = encode_result(keys, kKey, values, kMax).value().size();
  EXPECT_TRUE(encode_result(keys, kKey, values, size));
  EXPECT_FALSE(encode_result(keys, kKey, values, size - 1));
  EXPECT_FALSE(encode_result(keys, kKey, values, 0));
}

}  // namespace
}  // namespace ortserve
