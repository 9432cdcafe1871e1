// SPDX-License-Identifier: Apache-2.0
#include "core/transform/gather.h"

#include <charconv>
#include <cstring>
#include <string>

namespace ortserve {

namespace {

// Elements per run from which copying runs beats picking elements one by one.
constexpr size_t kWorthwhileRun = 6;

template <size_t kElement>
void pick(const std::byte* source, std::byte* target, std::span<const uint32_t> indices) noexcept {
  for (const uint32_t index : indices) {
    std::memmove(target, source + size_t{index} * kElement, kElement);  // one load, one store
    target += kElement;
  }
}

}  // namespace

Result<LiveIndices> LiveIndices::create(std::span<const uint32_t> indices, size_t width) {
  if (indices.empty()) return {Code::kInvalidArgument, "expected at least one live index"};
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < width && (i == 0 || indices[i - 1] < indices[i])) continue;
    return {Code::kInvalidArgument, "expected ascending live indices below " + std::to_string(width) + ", got " +
                                        std::to_string(indices[i]) + " at place " + std::to_string(i)};
  }
  return LiveIndices(indices, width);
}

Result<LiveIndices> LiveIndices::parse(std::string_view text, size_t width) {
  std::vector<uint32_t> indices;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    uint32_t first = 0, last = 0;
    auto read = std::from_chars(at, end, first);
    bool good = read.ec == std::errc();
    last = first;
    if (good && read.ptr != end && *read.ptr == '-') {
      read = std::from_chars(read.ptr + 1, end, last);
      good = read.ec == std::errc();
    }
    at = read.ptr;
    if (good && at != end) good = *at++ == ',' && at != end;
    if (!good || first > last || last >= width) {
      return {Code::kInvalidArgument, "expected indices and ranges below " + std::to_string(width) +
                                          ", such as 0-3,7, got '" + std::string(text.substr(0, 80)) + "'"};
    }
    for (uint32_t index = first; index <= last; ++index) indices.push_back(index);
  }
  return create(indices, width);
}

LiveIndices::LiveIndices(std::span<const uint32_t> indices, size_t width)
    : indices_(indices.begin(), indices.end()), width_(width) {
  for (const uint32_t index : indices_) {
    if (!runs_.empty() && runs_.back().from + runs_.back().size == index) {
      ++runs_.back().size;
    } else {
      runs_.push_back({index, 1});
    }
  }
}

void LiveIndices::gather(const void* source, size_t stride, void* target, size_t rows, size_t element) const noexcept {
  const bool by_runs = runs_.size() * kWorthwhileRun <= indices_.size();
  auto from = static_cast<const std::byte*>(source);
  auto to = static_cast<std::byte*>(target);
  for (size_t row = 0; row < rows; ++row, from += stride, to += indices_.size() * element) {
    if (by_runs) {
      gather_runs(from, to, element);
    } else if (element == 1) {
      pick<1>(from, to, indices_);
    } else if (element == 2) {
      pick<2>(from, to, indices_);
    } else if (element == 4) {
      pick<4>(from, to, indices_);
    } else {
      pick<8>(from, to, indices_);
    }
  }
}

// memmove: in place, a run lands at or before where it lies.
void LiveIndices::gather_runs(const std::byte* source, std::byte* target, size_t element) const noexcept {
  for (const Run& run : runs_) {
    std::memmove(target, source + run.from * element, run.size * element);
    target += run.size * element;
  }
}

}  // namespace ortserve
