// SPDX-License-Identifier: Apache-2.0
#include "core/model_digest.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "test/onnx_writer.h"

namespace ortserve {
namespace {

namespace fs = std::filesystem;
using testing::onnx::field;

std::string external_tensor(const std::string& file) {
  const auto entry = [](const std::string& key, const std::string& value) { return field(1, key) + field(2, value); };
  return field(2, 1) + field(8, "weights") + field(13, entry("location", file)) + field(13, entry("offset", "0")) +
         field(14, 1);
}

class ModelDigest : public ::testing::Test {
 protected:
  ModelDigest() { fs::create_directories(folder); }
  ~ModelDigest() override { fs::remove_all(folder); }
  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
  CacheKey digest(const std::string& name = "m.onnx", const std::string& options = "") {
    auto made = digest_model(folder / name, options);
    EXPECT_TRUE(made.ok());
    return made.ok() ? *made : CacheKey{};
  }

  const fs::path folder = fs::temp_directory_path() / ("ortserve-digest-" + std::to_string(std::random_device{}()));
};

TEST_F(ModelDigest, SaysWhatCannotBeRead) {
  EXPECT_EQ(digest_model(folder / "none.onnx", "").status().code(), Code::kModelNotFound);
  write("m.onnx", field(7, field(5, external_tensor("gone.bin"))));
  EXPECT_EQ(digest_model(folder / "m.onnx", "").status().code(), Code::kModelNotFound);
}

TEST_F(ModelDigest, BearsWhatIsNotOnnx) {
  std::string bytes = field(7, field(5, external_tensor("a.bin")));
  for (size_t size = 0; size < bytes.size(); ++size) {
    write("m.onnx", bytes.substr(0, size));
    EXPECT_TRUE(external_data_files(folder / "m.onnx").ok());
  }
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    std::string altered = bytes;
    altered[random() % altered.size()] = static_cast<char>(random());
    write("m.onnx", altered);
    EXPECT_TRUE(external_data_files(folder / "m.onnx").ok());
  }
}

TEST_F(ModelDigest, FindsExternalDataWhereverATensorMayBe) {
  const std::string attribute = field(5, field(5, external_tensor("attribute.bin")));
  const std::string subgraph = field(5, field(6, field(5, external_tensor("subgraph.bin"))));
  const std::string list = field(5, field(10, external_tensor("list.bin")));
  const std::string graph = field(1, attribute) + field(1, subgraph) + field(1, list) +
                            field(5, external_tensor("graph.bin")) + field(5, external_tensor("graph.bin")) +
                            field(15, field(1, external_tensor("sparse.bin")));
  write("m.onnx", field(1, 8) + field(2, std::string(10'000, 'p')) + field(7, graph) +
                      field(25, field(7, field(5, field(5, external_tensor("function.bin"))))));
  auto files = external_data_files(folder / "m.onnx");
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(*files, (std::vector<std::string>{"attribute.bin", "function.bin", "graph.bin", "list.bin", "sparse.bin",
                                              "subgraph.bin"}));
}

TEST_F(ModelDigest, DependsOnEveryByteAndOnTheOptions) {
  const std::string model = field(7, field(5, external_tensor("w.bin")));
  write("m.onnx", model);
  write("w.bin", std::string(3 << 20, 'w'));
  const CacheKey base = digest();
  EXPECT_EQ(digest(), base);
  EXPECT_NE(digest("m.onnx", "cuda"), base);
  EXPECT_NE(extend_digest(base, "a"), extend_digest(base, "b"));
  fs::create_directories(folder / "elsewhere");
  fs::create_symlink(folder / "m.onnx", folder / "elsewhere" / "link.onnx");
  EXPECT_EQ(digest("elsewhere/link.onnx"), base) << "where it lies does not matter";
  write("m.onnx", model + field(2, "producer"));
  EXPECT_NE(digest(), base);
  write("m.onnx", model);
  std::string weights(3 << 20, 'w');
  weights.back() = 'x';
  write("w.bin", weights);
  EXPECT_NE(digest(), base);
}

}  // namespace
}  // namespace ortserve
