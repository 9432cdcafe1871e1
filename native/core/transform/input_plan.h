// SPDX-License-Identifier: Apache-2.0
// What a model's inputs are made of before they are tensors: named columns, decoded images, samples of sound. Compiled
// once, when the model is loaded; immutable and shared by all requests after that.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "core/transform/pixels.h"

namespace ortserve {

struct InputSpec;
struct ModelSpec;

/// One named value of a row, and what it becomes.
struct TabularColumn {
  enum class Kind : uint8_t {
    kNumber,   ///< one element: (x - mean) / std
    kOneHot,   ///< one element per category: 1 for the one that came, 0 for the others
    kOrdinal,  ///< one element: the category's code
  };
  enum class Unknown : uint8_t {
    kError,   ///< refuse the request
    kIgnore,  ///< one-hot: all elements 0
    kValue,   ///< ordinal: `unknown_code`
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };

  std::string name;
  Kind kind = Kind::kNumber;
  /// Used when the value is missing or null. A number is checked and standardized like one that came.
  std::optional<double> default_number;
  std::optional<std::string> default_category;

  double mean = 0, std = 1;
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  bool clip = false;       ///< values outside [low, high] become its ends; else they are refused
  bool allow_nan = false;  ///< NaN and infinities are let through

  std::vector<std::string> categories;
  std::vector<double> codes;  ///< kOrdinal: of each category
  Unknown unknown = Unknown::kError;
  double unknown_code = 0;
  std::unordered_map<std::string, size_t, Hash, std::equal_to<>> index;  ///< of categories; filled by attach_input_plan

  size_t width() const noexcept { return kind == Kind::kOneHot ? categories.size() : 1; }
};

struct TabularPlan {
  std::vector<TabularColumn> columns;  ///< in the order of the elements
  size_t width = 0;                    ///< elements of a row; filled by attach_input_plan
};

/// 8-bit pixels of a decoded image, of the size the graph wants.
struct ImagePlan {
  enum class Layout : uint8_t { kAuto, kPixels, kPlanes };  ///< HWC, CHW; kAuto: as the graph's shape says

  PixelPlan pixels;  ///< dtype and planar are filled in by attach_input_plan
  Layout layout = Layout::kAuto;
  int64_t width = 0, height = 0;  ///< of the graph or the configuration; 0: any
  std::string decode;             ///< what the decoder of files is told; only kept for it
};

/// 16-bit PCM samples; channels are mixed to one.
struct AudioPlan {
  float scale = 1.0f / 32768;
  int64_t samples = 0;  ///< of the graph; 0: any
  std::string decode;   ///< as above
};

using InputPlan = std::variant<TabularPlan, ImagePlan, AudioPlan>;

/// Checks a plan against the input it is for, fills in what follows from it and hangs it on the input.
/// kInvalidArgument says what was expected: other widths, channels, ranks or datatypes than the graph's.
Status attach_input_plan(InputPlan plan, const ModelSpec& model, InputSpec& input);

/// Writes a number as an element; false where the type cannot hold it: an integer type and a fraction, or out of range.
bool write_element(DType dtype, double value, std::byte* target) noexcept;

}  // namespace ortserve
