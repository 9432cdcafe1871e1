// SPDX-License-Identifier: Apache-2.0
#include "core/codec/binary_blob.h"

#include <cstring>
#include <string>
#include <utility>

namespace ortserve {

namespace {

constexpr size_t kPrefix = sizeof(uint32_t);

uint32_t read_length(const std::byte* at) noexcept {
  uint32_t length;
  std::memcpy(&length, at, kPrefix);  // little-endian, as every platform we build for
  return length;
}

std::string of_input(const InputSpec& input) {
  return " for inference input '" + input.name + "'";
}

Status check_booleans(const InputSpec& input, const Buffer& blob) {
  const auto untrue = first_untrue({blob.data(), blob.size()});
  if (!untrue) return {};
  return {Code::kInvalidInput, "expected bytes 0 and 1" + of_input(input) + " of BOOL, got " + std::to_string(*untrue)};
}

Result<Tensor> numbers_from_blob(const InputSpec& input, const Shape& shape, const Buffer& blob, BufferPool& pool,
                                 CopiedBytes& copied) {
  const size_t element = dtype_size(input.dtype);
  const auto elements = static_cast<uint64_t>(shape.elements().value_or(0));
  if (blob.size() % element != 0 || blob.size() / element != elements) {
    return {Code::kInvalidInput, "input byte size mismatch for input '" + input.name + "'. Expected " +
                                     std::to_string(elements * element) + ", got " + std::to_string(blob.size())};
  }
  if (input.dtype == DType::kBool) ORTSERVE_RETURN_IF_ERROR(check_booleans(input, blob));
  Tensor tensor;
  tensor.dtype = input.dtype;
  tensor.shape = shape;
  tensor.data = blob;
  copied.in += blob.size();
  if (reinterpret_cast<uintptr_t>(blob.data()) % element == 0) return tensor;
  auto aligned = pool.acquire(blob.size());
  if (!aligned.ok()) return aligned.take_status();
  std::memcpy(aligned->data(), blob.data(), blob.size());
  copied.in += blob.size();
  tensor.data = std::move(*aligned);
  return tensor;
}

// Checks that `blob` is exactly `elements` strings with their lengths.
Status check_strings(const InputSpec& input, uint64_t elements, const Buffer& blob) {
  size_t at = 0;
  for (uint64_t i = 0; i < elements; ++i) {
    if (at == blob.size()) {
      return {Code::kInvalidInput, "expected " + std::to_string(elements) + " string elements" + of_input(input) +
                                       ", got " + std::to_string(i)};
    }
    if (blob.size() - at < kPrefix) {
      return {Code::kInvalidInput, "incomplete string length indicator" + of_input(input) + ": expected 4 bytes, got " +
                                       std::to_string(blob.size() - at)};
    }
    const uint32_t length = read_length(blob.data() + at);
    at += kPrefix;
    if (length > blob.size() - at) {
      return {Code::kInvalidInput, "incomplete string data" + of_input(input) + ": expected " + std::to_string(length) +
                                       " bytes in element " + std::to_string(i) + ", got " +
                                       std::to_string(blob.size() - at)};
    }
    at += length;
  }
  if (at == blob.size()) return {};
  return {Code::kInvalidInput, "unexpected number of string elements" + of_input(input) + ": " +
                                   std::to_string(blob.size() - at) + " bytes are left after the expected " +
                                   std::to_string(elements) + " elements"};
}

Result<Tensor> strings_from_blob(const InputSpec& input, const Shape& shape, const Buffer& blob, BufferPool& pool,
                                 CopiedBytes& copied) {
  const auto elements = static_cast<uint64_t>(shape.elements().value_or(0));
  Status status = check_strings(input, elements, blob);
  if (!status.ok()) return status;
  auto together = pool.acquire(blob.size() - elements * kPrefix);
  if (!together.ok()) return together.take_status();
  Tensor tensor;
  tensor.dtype = DType::kString;
  tensor.shape = shape;
  tensor.offsets.reserve(elements + 1);
  const std::byte* source = blob.data();
  size_t used = 0;
  for (uint64_t i = 0; i < elements; ++i) {
    const uint32_t length = read_length(source);
    tensor.offsets.push_back(used);
    if (length) std::memcpy(together->data() + used, source + kPrefix, length);
    source += kPrefix + length;
    used += length;
  }
  tensor.offsets.push_back(used);
  tensor.data = std::move(*together);
  copied.in += blob.size() + used;
  return tensor;
}

}  // namespace

Result<Tensor> tensor_from_blob(const InputSpec& input, const Shape& shape, const Buffer& blob, BufferPool& pool,
                                CopiedBytes& copied) {
  return input.dtype == DType::kString ? strings_from_blob(input, shape, blob, pool, copied)
                                       : numbers_from_blob(input, shape, blob, pool, copied);
}

size_t blob_size(const Tensor& tensor) noexcept {
  if (tensor.dtype != DType::kString) return tensor.data.size();
  return tensor.data.size() + kPrefix * static_cast<size_t>(tensor.elements());
}

std::byte* write_blob(const Tensor& tensor, std::byte* target) noexcept {
  if (tensor.dtype != DType::kString) {
    if (!tensor.data.empty()) std::memcpy(target, tensor.data.data(), tensor.data.size());
    return target + tensor.data.size();
  }
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const std::string_view text = tensor.string_at(i);
    const auto length = static_cast<uint32_t>(text.size());
    std::memcpy(target, &length, kPrefix);
    if (length) std::memcpy(target + kPrefix, text.data(), length);
    target += kPrefix + length;
  }
  return target;
}

}  // namespace ortserve
