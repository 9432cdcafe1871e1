// SPDX-License-Identifier: Apache-2.0
#include "engine/model_words.h"

#include <gtest/gtest.h>

#include "test/onnx_writer.h"

namespace ortserve {
namespace {

using testing::onnx::field;
using Words = std::vector<std::string>;

std::string model_of(const std::string& graph) {
  return field(1, uint64_t{8}) + field(7, graph);
}

std::string node_with(const std::string& attribute) {
  return field(1, field(4, std::string_view("LabelEncoder")) + field(5, attribute));
}

TEST(ModelWords, AreThoseOfAttributesAndStringInitializersEachOnce) {
  const std::string keys = field(1, std::string_view("keys_strings")) + field(9, std::string_view("ant")) +
                           field(9, std::string_view("bee")) + field(9, std::string_view("ant"));
  const std::string fallback = field(1, std::string_view("default_string")) + field(4, std::string_view("other"));
  const std::string vocabulary = field(2, uint64_t{8}) + field(6, std::string_view("cat"));
  EXPECT_EQ(words_of_model(model_of(node_with(keys) + node_with(fallback) + field(5, vocabulary))),
            (Words{"ant", "bee", "other", "cat"}));
}

TEST(ModelWords, AreShortAndFew) {
  std::string keys = field(9, std::string(65, 'x')) + field(9, std::string_view());
  for (int i = 0; i < 300; ++i) keys += field(9, "w" + std::to_string(i));
  const Words words = words_of_model(model_of(node_with(keys)));
  EXPECT_EQ(words.size(), 256u);
  EXPECT_EQ(words.front(), "w0");
}

TEST(ModelWords, OfWhatIsNoModelAreWhatWasUnderstood) {
  const std::string whole = model_of(node_with(field(9, std::string_view("ant")) + field(9, std::string_view("bee"))));
  EXPECT_EQ(words_of_model(""), Words());
  EXPECT_EQ(words_of_model("no protobuf at all"), Words());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_LE(words_of_model(std::string_view(whole).substr(0, size)).size(), 2u);
  }
  EXPECT_EQ(words_of_file("/nothing/here.onnx"), Words());
}

}  // namespace
}  // namespace ortserve
