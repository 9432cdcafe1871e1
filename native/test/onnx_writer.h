// SPDX-License-Identifier: Apache-2.0
// Writes the few odd ONNX models that tests need and no exporter makes: protobuf by hand, one function per message.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ortserve::testing::onnx {

inline std::string varint(uint64_t number) {
  std::string bytes;
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
  return bytes + static_cast<char>(number);
}

inline std::string field(uint32_t id, uint64_t number) {
  return varint(id << 3) + varint(number);
}

inline std::string field(uint32_t id, std::string_view bytes) {
  return varint(id << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}

using Dim = std::variant<int64_t, const char*>;  ///< fixed, or symbolic

/// TypeProto of a tensor.
inline std::string tensor_type(int element_type, const std::vector<Dim>& dims) {
  std::string shape;
  for (const Dim& dim : dims) {
    const auto* const size = std::get_if<int64_t>(&dim);
    shape += field(1, size ? field(1, static_cast<uint64_t>(*size)) : field(2, std::get<const char*>(dim)));
  }
  return field(1, field(1, static_cast<uint64_t>(element_type)) + field(2, shape));
}

/// TypeProto of a tensor without any shape.
inline std::string unranked_type(int element_type) {
  return field(1, field(1, static_cast<uint64_t>(element_type)));
}

inline std::string sequence_type(std::string_view element) {
  return field(4, field(1, element));
}

/// ValueInfoProto.
inline std::string value(std::string_view name, std::string_view type) {
  return field(1, name) + field(2, type);
}

/// NodeProto; `attributes` are complete fields.
inline std::string node(std::string_view op, std::initializer_list<std::string_view> inputs,
                        std::initializer_list<std::string_view> outputs, std::string_view attributes = {}) {
  std::string bytes;
  for (const auto name : inputs) bytes += field(1, name);
  for (const auto name : outputs) bytes += field(2, name);
  return bytes + field(3, outputs.size() > 0 ? *outputs.begin() : op) + field(4, op) + std::string(attributes);
}

inline std::string int_attribute(std::string_view name, int64_t number) {
  return field(5, field(1, name) + field(3, static_cast<uint64_t>(number)) + field(20, uint64_t{2}));
}

/// ModelProto of IR version 8.
inline std::string model(const std::vector<std::string>& nodes, const std::vector<std::string>& inputs,
                         const std::vector<std::string>& outputs, int opset = 17) {
  std::string graph = field(2, "graph");
  for (const auto& bytes : nodes) graph = field(1, bytes) + graph;
  for (const auto& bytes : inputs) graph += field(11, bytes);
  for (const auto& bytes : outputs) graph += field(12, bytes);
  return field(1, uint64_t{8}) + field(7, graph) + field(8, field(1, "") + field(2, static_cast<uint64_t>(opset)));
}

}  // namespace ortserve::testing::onnx
