// SPDX-License-Identifier: Apache-2.0
#include "core/codec/json_text.h"

#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "core/codec/body.h"

namespace ortserve {

static_assert(kJsonPadding >= simdjson::SIMDJSON_PADDING);

namespace {

constexpr size_t kSmallestCapacity = 4096;
constexpr size_t kRetainedCapacity = 4u << 20;  // bytes of text; an index for more is freed after its request

std::unique_ptr<simdjson::internal::dom_parser_implementation>& thread_parser() noexcept {
  thread_local std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
  return parser;
}

// The thread's parser with room for `size` bytes of text; null when memory is short.
simdjson::internal::dom_parser_implementation* parser_for(size_t size) noexcept {
  auto& parser = thread_parser();
  if (parser && parser->capacity() >= size) return parser.get();
  const size_t grown = parser ? std::min(2 * parser->capacity(), kRetainedCapacity) : kSmallestCapacity;
  const size_t capacity = std::max(size, grown);
  constexpr size_t kNoStageTwo = 1;  // the depth bounds simdjson's own second stage, which is not used
  const auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
      std::min<size_t>(capacity, simdjson::SIMDJSON_MAXSIZE_BYTES), kNoStageTwo, parser);
  if (error) parser.reset();
  return parser.get();
}

void release_if_large() noexcept {
  auto& parser = thread_parser();
  if (parser && parser->capacity() > kRetainedCapacity) parser.reset();
}

Status index_error(simdjson::error_code error) {
  std::string reason = simdjson::error_message(error);
  switch (error) {
    case simdjson::EMPTY:
      reason = "the body is empty";
      break;
    case simdjson::UTF8_ERROR:
      reason = "the text is not valid UTF-8";
      break;
    case simdjson::UNCLOSED_STRING:
      reason = "a string is not closed";
      break;
    case simdjson::UNESCAPED_CHARS:
      reason = "a string holds a control character that is not escaped";
      break;
    default:
      break;
  }
  return {Code::kInvalidJson, "failed to parse the request JSON: " + reason};
}

}  // namespace

Result<JsonText> JsonText::index(std::string_view bytes) {
  if (bytes.empty()) return index_error(simdjson::EMPTY);
  if (bytes.size() >= simdjson::SIMDJSON_MAXSIZE_BYTES) {
    return {Code::kLimitExceeded, "the request JSON is larger than 4 GiB"};
  }
  auto* parser = parser_for(bytes.size());
  if (!parser) return {Code::kOutOfMemory, "no memory to index " + std::to_string(bytes.size()) + " bytes of JSON"};
  const auto error =
      parser->stage1(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), simdjson::stage1_mode::regular);
  if (error) {
    release_if_large();
    return index_error(error);
  }
  return JsonText(bytes, parser->structural_indexes.get(), parser->n_structural_indexes);
}

JsonText::JsonText(JsonText&& other) noexcept
    : bytes_(other.bytes_), offsets_(std::exchange(other.offsets_, nullptr)), tokens_(other.tokens_) {}

JsonText::~JsonText() {
  if (offsets_) release_if_large();
}

size_t JsonText::thread_capacity() noexcept {
  const auto& parser = thread_parser();
  return parser ? parser->capacity() : 0;
}

char* JsonText::unescape(const char* raw, char* target) noexcept {
  const auto* source = reinterpret_cast<const uint8_t*>(raw);
  return reinterpret_cast<char*>(thread_parser()->parse_string(source, reinterpret_cast<uint8_t*>(target), false));
}

}  // namespace ortserve
