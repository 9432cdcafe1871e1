// SPDX-License-Identifier: Apache-2.0
#include "core/codec/tensor_builder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/codec/base64.h"
#include "core/codec/body.h"
#include "core/codec/json_element.h"
#include "core/codec/json_scalar.h"

namespace ortserve {

namespace {

constexpr size_t kSmallestRoom = 256;  // bytes

std::string_view describe_elements(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return "BOOL (true or false)";
    case DType::kUint8:
      return "UINT8 (an integer from 0 to 255)";
    case DType::kUint16:
      return "UINT16 (an integer from 0 to 65535)";
    case DType::kUint32:
      return "UINT32 (an integer from 0 to 4294967295)";
    case DType::kUint64:
      return "UINT64 (an integer from 0 to 18446744073709551615)";
    case DType::kInt8:
      return "INT8 (an integer from -128 to 127)";
    case DType::kInt16:
      return "INT16 (an integer from -32768 to 32767)";
    case DType::kInt32:
      return "INT32 (an integer from -2147483648 to 2147483647)";
    case DType::kInt64:
      return "INT64 (an integer from -9223372036854775808 to 9223372036854775807)";
    case DType::kString:
      return "BYTES (a string)";
    default:
      return dtype_name(dtype);
  }
}

// After a scalar: true when another one follows, which the cursor then stands at.
bool next_in_run(JsonCursor& cursor) noexcept {
  if (cursor.peek() != ',') return false;
  cursor.advance();
  return cursor.peek() != '[';
}

}  // namespace

Status TensorBuilder::reserve(uint64_t elements) {
  const uint64_t wanted = std::min(elements, max_elements_);
  if (spec_->dtype == DType::kString) return make_room(kSmallestRoom);
  const size_t size = dtype_size(spec_->dtype);
  if (wanted > SIZE_MAX / size) return {Code::kOutOfMemory, "no room for " + std::to_string(wanted) + " elements"};
  const bool enough = !buffer_.empty() && wanted * size <= buffer_.size();
  return enough ? Status() : make_room(wanted * size - used_);
}

Status TensorBuilder::read_one(JsonCursor& cursor) {
  return read(cursor, true);
}

Status TensorBuilder::read_run(JsonCursor& cursor) {
  return read(cursor, false);
}

Tensor TensorBuilder::finish(const Shape& shape) {
  Tensor tensor;
  tensor.dtype = spec_->dtype;
  tensor.shape = shape;
  tensor.data = buffer_.slice(0, used_);
  if (spec_->dtype == DType::kString) {
    offsets_.push_back(used_);
    tensor.offsets = std::move(offsets_);
  }
  buffer_ = Buffer();
  return tensor;
}

// The loop of every JSON tensor. It walks a copy of the cursor, which the compiler keeps in registers.
template <typename T>
Status TensorBuilder::read_numbers(JsonCursor& cursor, bool one) {
  JsonCursor at = cursor;
  do {
    if (elements_ == max_elements_) return too_many();
    if (used_ + sizeof(T) > buffer_.size()) ORTSERVE_RETURN_IF_ERROR(make_room(sizeof(T)));
    T* out = reinterpret_cast<T*>(buffer_.data() + used_);
    T* const begin = out;
    T* const end = out + std::min<uint64_t>((buffer_.size() - used_) / sizeof(T), max_elements_ - elements_);
    bool more;
    do {
      bool good = false;
      if constexpr (!std::is_same_v<T, bool>) good = read_number(at.token(), at.next_token(), *out);
      if (!good && !read_token(at.token_text(), *out)) return wrong_element(at);
      ++out;
      at.advance();
      more = !one && next_in_run(at);
    } while (more && out != end);
    elements_ += static_cast<uint64_t>(out - begin);
    used_ += static_cast<size_t>(out - begin) * sizeof(T);
    if (!more) break;
  } while (true);
  cursor = at;
  return {};
}

// Short rows cost more in calls than in digits: here they cost none.
template <typename T>
int64_t TensorBuilder::read_number_rows(JsonCursor& cursor, int64_t width) noexcept {
  const auto elements = static_cast<uint64_t>(width);
  const uint64_t room = std::min<uint64_t>((buffer_.size() - used_) / sizeof(T), max_elements_ - elements_);
  T* out = reinterpret_cast<T*>(buffer_.data() + used_);
  int64_t rows = 0;
  JsonCursor at = cursor;
  for (uint64_t left = room / elements; left > 0 && at.peek() == ','; --left) {
    at.advance();
    if (at.peek() != '[') break;
    at.advance();
    for (uint64_t i = 1; i < elements; ++i) {
      if (!read_number(at.token(), at.next_token(), out[i - 1])) return rows;
      at.advance();
      if (at.peek() != ',') return rows;
      at.advance();
    }
    if (!read_number(at.token(), at.next_token(), out[elements - 1])) return rows;
    at.advance();
    if (at.peek() != ']') return rows;
    at.advance();
    out += elements;
    elements_ += elements;
    used_ += elements * sizeof(T);
    cursor = at;
    ++rows;
  }
  return rows;
}

int64_t TensorBuilder::read_more_rows(JsonCursor& cursor, int64_t width) noexcept {
  if (width <= 0 || buffer_.empty()) return 0;
  switch (spec_->dtype) {
    case DType::kFp32:
      return read_number_rows<float>(cursor, width);
    case DType::kFp64:
      return read_number_rows<double>(cursor, width);
    case DType::kUint8:
      return read_number_rows<uint8_t>(cursor, width);
    case DType::kInt32:
      return read_number_rows<int32_t>(cursor, width);
    case DType::kInt64:
      return read_number_rows<int64_t>(cursor, width);
    default:
      return 0;
  }
}

Status TensorBuilder::read_strings(JsonCursor& cursor, bool one) {
  do {
    if (elements_ == max_elements_) return too_many();
    ORTSERVE_RETURN_IF_ERROR(append_string(cursor));
    ++elements_;
  } while (!one && next_in_run(cursor));
  return {};
}

Status TensorBuilder::read(JsonCursor& cursor, bool one) {
  if (cursor.at_end()) return cursor.unexpected("a value");
  switch (spec_->dtype) {
    case DType::kBool:
      return read_numbers<bool>(cursor, one);
    case DType::kUint8:
      return read_numbers<uint8_t>(cursor, one);
    case DType::kUint16:
      return read_numbers<uint16_t>(cursor, one);
    case DType::kUint32:
      return read_numbers<uint32_t>(cursor, one);
    case DType::kUint64:
      return read_numbers<uint64_t>(cursor, one);
    case DType::kInt8:
      return read_numbers<int8_t>(cursor, one);
    case DType::kInt16:
      return read_numbers<int16_t>(cursor, one);
    case DType::kInt32:
      return read_numbers<int32_t>(cursor, one);
    case DType::kInt64:
      return read_numbers<int64_t>(cursor, one);
    case DType::kFp16:
      return read_numbers<Fp16>(cursor, one);
    case DType::kBf16:
      return read_numbers<Bf16>(cursor, one);
    case DType::kFp32:
      return read_numbers<float>(cursor, one);
    case DType::kFp64:
      return read_numbers<double>(cursor, one);
    case DType::kString:
      return read_strings(cursor, one);
  }
  return {Code::kInternal, "unknown datatype"};
}

Status TensorBuilder::append_string(JsonCursor& cursor) {
  if (const auto encoded = base64_ ? base64_object(cursor) : std::nullopt) return append_base64(cursor, *encoded);
  const auto raw = cursor.raw_string();
  if (!raw) return wrong_element(cursor);
  if (used_ + raw->size() + kJsonPadding > buffer_.size()) {
    ORTSERVE_RETURN_IF_ERROR(make_room(raw->size() + kJsonPadding));
  }
  char* const target = buffer_.as<char>() + used_;
  char* end = target + raw->size();
  if (raw->find('\\') == std::string_view::npos) {
    std::memcpy(target, raw->data(), raw->size());
  } else if (!(end = JsonText::unescape(raw->data(), target))) {
    return cursor.unexpected("a string with valid escapes");
  }
  offsets_.push_back(used_);
  used_ += static_cast<size_t>(end - target);
  cursor.advance();
  return {};
}

Status TensorBuilder::append_base64(JsonCursor& cursor, std::string_view raw) {
  std::string unescaped;  // some encoders write a slash as \/
  std::string_view text;
  if (!read_raw_string(raw, unescaped, text)) return cursor.unexpected("a string with valid escapes");
  if (used_ + base64_decoded_bound(text.size()) > buffer_.size()) {
    ORTSERVE_RETURN_IF_ERROR(make_room(base64_decoded_bound(text.size())));
  }
  char* const target = buffer_.as<char>() + used_;
  const char* const end = base64_decode(text, target);
  if (!end) {
    return {Code::kInvalidInput, "expected base64 (RFC 4648, standard alphabet) in {\"b64\": ...} for input '" +
                                     spec_->name + "', got '" + std::string(text.substr(0, 40)) + "'"};
  }
  offsets_.push_back(used_);
  used_ += static_cast<size_t>(end - target);
  for (int token = 0; token < kBase64Tokens; ++token) cursor.advance();
  return {};
}

// At least `bytes` past used_, and at least twice what there was.
Status TensorBuilder::make_room(size_t bytes) {
  auto larger = pool_->acquire(std::max({used_ + bytes, 2 * used_, kSmallestRoom}));
  if (!larger.ok()) return larger.take_status();
  if (used_) std::memcpy(larger->data(), buffer_.data(), used_);
  buffer_ = std::move(*larger);
  return {};
}

Status TensorBuilder::wrong_element(const JsonCursor& cursor) const {
  const bool sound = cursor.at_container() || is_scalar(cursor);
  Status found = cursor.unexpected(describe_elements(spec_->dtype), sound ? Code::kInvalidInput : Code::kInvalidJson);
  std::string message = "Unable to parse the data of input '" + spec_->name + "': " + found.message();
  if (is_null(cursor)) message += ", which stands for no value";
  return {found.code(), std::move(message)};
}

Status TensorBuilder::too_many() const {
  if (bound_ == Bound::kDeclared) {
    return {Code::kInvalidInput, "Unable to parse 'data': Shape does not match true shape of 'data' field: input '" +
                                     spec_->name + "' has more than " + std::to_string(max_elements_) + " elements"};
  }
  return {Code::kLimitExceeded, "input '" + spec_->name + "' has more than the " + std::to_string(max_elements_) +
                                    " elements that are allowed"};
}

}  // namespace ortserve
