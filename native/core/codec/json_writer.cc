// SPDX-License-Identifier: Apache-2.0
#include "core/codec/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/codec/base64.h"
#include "core/codec/float16.h"

namespace ortserve {

namespace {

constexpr size_t kLongestNumber = 32;  // more than any to_chars below writes

// For each byte: 0 as it is, 'u' as \u00XX, else the letter after the backslash.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> table{};
  for (size_t i = 0; i < 0x20; ++i) table[i] = 'u';
  table['\b'] = 'b';
  table['\f'] = 'f';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}();

template <typename T>
char* write_number(char* at, T value) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) {
      const std::string_view word = std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
      std::memcpy(at, word.data(), word.size());
      return at + word.size();
    }
  }
  return std::to_chars(at, at + kLongestNumber, value).ptr;
}

char* write_escaped(char* at, unsigned char c) noexcept {
  constexpr char kHex[] = "0123456789abcdef";
  *at++ = '\\';
  *at++ = kEscapes[c];
  if (kEscapes[c] != 'u') return at;
  std::memcpy(at, "00", 2);
  at[2] = kHex[c >> 4];
  at[3] = kHex[c & 15];
  return at + 4;
}

}  // namespace

void JsonWriter::text(std::string_view raw) noexcept {
  if (raw.empty()) return;
  std::memcpy(at_, raw.data(), raw.size());
  at_ += raw.size();
}

void JsonWriter::string(std::string_view value) noexcept {
  put('"');
  const char* plain = value.data();  // start of what is copied as it is
  const char* const end = value.data() + value.size();
  for (const char* p = plain; p != end; ++p) {
    const auto c = static_cast<unsigned char>(*p);
    if (!kEscapes[c]) continue;
    text({plain, static_cast<size_t>(p - plain)});
    at_ = write_escaped(at_, c);
    plain = p + 1;
  }
  text({plain, static_cast<size_t>(end - plain)});
  put('"');
}

void JsonWriter::base64(std::string_view bytes) noexcept {
  at_ = base64_encode(bytes, at_);
}

void JsonWriter::integer(int64_t value) noexcept {
  at_ = write_number(at_, value);
}

void JsonWriter::key(std::string_view name) noexcept {
  string(name);
  put(':');
}

template <typename T>
void JsonWriter::numbers(const T* values, int64_t count) noexcept {
  char* at = at_;
  for (int64_t i = 0; i < count; ++i) {
    if (i) *at++ = ',';
    at = write_number(at, values[i]);
  }
  at_ = at;
}

void JsonWriter::elements(const Tensor& tensor, int64_t begin, int64_t count) noexcept {
  switch (tensor.dtype) {
    case DType::kBool:
      for (int64_t i = begin; i < begin + count; ++i) {
        if (i != begin) put(',');
        text(tensor.data.as<const uint8_t>()[i] ? "true" : "false");
      }
      return;
    case DType::kUint8:
      return numbers(tensor.data.as<const uint8_t>() + begin, count);
    case DType::kUint16:
      return numbers(tensor.data.as<const uint16_t>() + begin, count);
    case DType::kUint32:
      return numbers(tensor.data.as<const uint32_t>() + begin, count);
    case DType::kUint64:
      return numbers(tensor.data.as<const uint64_t>() + begin, count);
    case DType::kInt8:
      return numbers(tensor.data.as<const int8_t>() + begin, count);
    case DType::kInt16:
      return numbers(tensor.data.as<const int16_t>() + begin, count);
    case DType::kInt32:
      return numbers(tensor.data.as<const int32_t>() + begin, count);
    case DType::kInt64:
      return numbers(tensor.data.as<const int64_t>() + begin, count);
    case DType::kFp32:
      return numbers(tensor.data.as<const float>() + begin, count);
    case DType::kFp64:
      return numbers(tensor.data.as<const double>() + begin, count);
    case DType::kFp16:
    case DType::kBf16:
      for (int64_t i = begin; i < begin + count; ++i) {
        if (i != begin) put(',');
        const uint16_t bits = tensor.data.as<const uint16_t>()[i];
        at_ = write_number(at_, tensor.dtype == DType::kFp16 ? fp16_to_float(bits) : bf16_to_float(bits));
      }
      return;
    case DType::kString:
      for (int64_t i = begin; i < begin + count; ++i) {
        if (i != begin) put(',');
        string(tensor.string_at(i));
      }
      return;
  }
}

void JsonWriter::nested(const Tensor& tensor, int64_t begin, std::span<const int64_t> dims) noexcept {
  if (dims.empty()) return elements(tensor, begin, 1);
  put('[');
  if (dims.size() == 1) {
    elements(tensor, begin, dims[0]);
  } else {
    int64_t stride = 1;
    for (int64_t dim : dims.subspan(1)) stride *= dim;
    for (int64_t i = 0; i < dims[0]; ++i) {
      if (i) put(',');
      nested(tensor, begin + i * stride, dims.subspan(1));
    }
  }
  put(']');
}

size_t element_bound(DType dtype) noexcept {
  switch (dtype) {
    case DType::kBool:
      return sizeof("false");
    case DType::kUint8:
    case DType::kInt8:
      return sizeof("-128");
    case DType::kUint16:
    case DType::kInt16:
      return sizeof("-32768");
    case DType::kUint32:
    case DType::kInt32:
      return sizeof("-2147483648");
    case DType::kUint64:
    case DType::kInt64:
      return sizeof("18446744073709551615");
    case DType::kFp16:
    case DType::kBf16:
    case DType::kFp32:
      return sizeof("-1.17549435e-38");
    case DType::kFp64:
      return sizeof("-2.2250738585072014e-308");
    case DType::kString:
      return 0;
  }
  return 0;
}

size_t elements_bound(const Tensor& tensor) noexcept {
  const auto elements = static_cast<size_t>(tensor.elements());
  // Quotes and a comma around each string, whose bytes are in memory already: no overflow.
  if (tensor.dtype == DType::kString) return 3 * elements + 6 * tensor.data.size();
  return elements * element_bound(tensor.dtype);
}

size_t nested_bound(const Tensor& tensor) noexcept {
  size_t bound = elements_bound(tensor);
  size_t arrays = 1;  // at the current level
  for (int64_t dim : tensor.shape.dims()) {
    bound = saturating_add(bound, arrays > SIZE_MAX / 3 ? SIZE_MAX : 3 * arrays);
    const auto next = static_cast<size_t>(dim);
    arrays = next != 0 && arrays > SIZE_MAX / next ? SIZE_MAX : arrays * next;
  }
  return bound;
}

size_t saturating_add(size_t a, size_t b) noexcept {
  return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

}  // namespace ortserve
