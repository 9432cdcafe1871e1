// SPDX-License-Identifier: Apache-2.0
// The engine with the real library, and the models of test/models.
#pragma once

#include <gtest/gtest.h>

#include <unistd.h>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace ortserve::testing {

// The three paths come from CMake.
inline std::string library_path() {
  return ORTSERVE_LIBRARY;
}

inline std::string model_path(const std::string& name) {
  return std::string(ORTSERVE_TEST_MODELS) + "/" + name + ".onnx";
}

/// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ortserve-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) ADD_FAILURE() << "cannot make " << pattern;
    path_ = pattern;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Writes a file, making folders as needed; its path.
  std::string write(const std::string& name, const std::string& bytes) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

template <typename T>
Tensor tensor_of(BufferPool& pool, DType dtype, const Shape& shape, const std::vector<T>& values) {
  auto tensor = allocate_tensor(pool, dtype, shape);
  EXPECT_TRUE(tensor.ok());
  EXPECT_EQ(tensor->data.size(), values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(tensor->data.data(), values.data(), tensor->data.size());
  return std::move(*tensor);
}

inline Tensor strings_of(BufferPool& pool, const Shape& shape, const std::vector<std::string>& values) {
  Tensor tensor;
  tensor.dtype = DType::kString;
  tensor.shape = shape;
  std::string bytes;
  tensor.offsets = {0};
  for (const std::string& value : values) {
    bytes += value;
    tensor.offsets.push_back(bytes.size());
  }
  auto buffer = pool.acquire(bytes.size());
  EXPECT_TRUE(buffer.ok());
  tensor.data = std::move(*buffer);
  std::memcpy(tensor.data.data(), bytes.data(), bytes.size());
  return tensor;
}

template <typename T>
std::vector<T> values_of(const Tensor& tensor) {
  const T* const first = tensor.data.as<const T>();
  return {first, first + tensor.data.size() / sizeof(T)};
}

inline std::vector<std::string> strings_in(const Tensor& tensor) {
  std::vector<std::string> values;
  for (int64_t i = 0; i < tensor.elements(); ++i) values.emplace_back(tensor.string_at(i));
  return values;
}

class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status started = start_engine(library_path());
    ASSERT_TRUE(started.ok()) << started.message();
  }

  Result<std::shared_ptr<Session>> try_load(SessionConfig config) { return load_session(config, pool_); }
  Result<std::shared_ptr<Session>> try_load(const std::string& path) {
    SessionConfig config;
    config.model_path = path;
    return try_load(config);
  }
  /// A model of test/models, which has to load.
  std::shared_ptr<Session> load(const std::string& name) { return load_file(model_path(name)); }
  std::shared_ptr<Session> load_file(const std::string& path) {
    auto session = try_load(path);
    if (session.ok()) return *session;
    ADD_FAILURE() << session.status().message();
    return nullptr;
  }
  std::string write_model(const std::string& bytes) { return folder_.write("model.onnx", bytes); }

  /// Every input present, every output wanted.
  static Status run(Session& session, std::vector<Tensor> inputs, std::vector<Value>& outputs) {
    return session.run(inputs, std::vector<bool>(inputs.size(), true), {}, outputs, nullptr);
  }
  static std::vector<Value> run(Session& session, std::vector<Tensor> inputs) {
    std::vector<Value> outputs;
    const Status status = run(session, std::move(inputs), outputs);
    EXPECT_TRUE(status.ok()) << status.message();
    outputs.resize(session.spec().outputs.size());
    return outputs;
  }

  BufferPool pool_{BufferPool::Limits{}};
  TemporaryFolder folder_;
};

}  // namespace ortserve::testing
