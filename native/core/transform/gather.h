// SPDX-License-Identifier: Apache-2.0
// Picks the live elements of rows: what is left of a pruned model's input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace ortserve {

/// Which elements of a row of `width` are wanted, compiled to runs that are copied whole. Immutable.
class LiveIndices {
 public:
  /// kInvalidArgument unless `indices` is not empty, ascending without repetition, and below `width`.
  static Result<LiveIndices> create(std::span<const uint32_t> indices, size_t width);

  /// As create(), from text such as "0-3,7,9-12": single indices and inclusive ranges.
  static Result<LiveIndices> parse(std::string_view text, size_t width);

  size_t width() const noexcept { return width_; }          ///< elements of a row as it comes
  size_t live() const noexcept { return indices_.size(); }  ///< elements of a row that stay
  std::span<const uint32_t> indices() const noexcept { return indices_; }

  /// Copies the live elements of `rows` rows that begin `stride` bytes apart, next to each other. `element`: bytes of
  /// one, 1, 2, 4 or 8. No alignment is needed. `target` may be `source` itself, with stride = width * element.
  void gather(const void* source, size_t stride, void* target, size_t rows, size_t element) const noexcept;

 private:
  struct Run {
    uint32_t from;
    uint32_t size;
  };

  LiveIndices(std::span<const uint32_t> indices, size_t width);
  void gather_runs(const std::byte* source, std::byte* target, size_t element) const noexcept;

  std::vector<uint32_t> indices_;
  std::vector<Run> runs_;
  size_t width_;
};

}  // namespace ortserve
