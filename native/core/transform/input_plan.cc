// SPDX-License-Identifier: Apache-2.0
#include "core/transform/input_plan.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/codec/float16.h"
#include "core/model_spec.h"
#include "core/transform/convert.h"

namespace ortserve {

namespace {

Status misfit(const InputSpec& input, const std::string& expected) {
  return {Code::kInvalidArgument, "'preprocess' of input '" + input.name + "': expected " + expected + ", got " +
                                      std::string(dtype_name(input.dtype)) + " " + input.dims.to_string()};
}

template <typename T>
bool store_integer(double value, std::byte* target) noexcept {
  // The bounds as doubles: that of 64 bits rounds up to 2^63 or 2^64, so the comparison with it must be strict.
  if (!(value >= static_cast<double>(std::numeric_limits<T>::min()) &&
        value < std::ldexp(1.0, std::numeric_limits<T>::digits) && value == std::floor(value))) {
    return false;
  }
  const auto integer = static_cast<T>(value);
  std::memcpy(target, &integer, sizeof(T));
  return true;
}

template <typename T>
bool store_as(T value, std::byte* target) noexcept {
  std::memcpy(target, &value, sizeof(T));
  return true;
}

// Dims of a row: without the batch when there is one.
size_t first_dim(const ModelSpec& model) noexcept {
  return model.batched ? 1 : 0;
}

Status attach(TabularPlan& plan, const ModelSpec&, InputSpec& input) {
  if (input.dtype == DType::kString || input.dtype == DType::kBool) {
    return misfit(input, "an input of numbers for 'columns'");
  }
  plan.width = 0;
  for (TabularColumn& column : plan.columns) {
    plan.width += column.width();
    for (size_t i = 0; i < column.categories.size(); ++i) {
      if (!column.index.emplace(column.categories[i], i).second) {
        return {Code::kInvalidArgument, "'preprocess' of input '" + input.name + "': category '" +
                                            column.categories[i] + "' of column '" + column.name + "' stands twice"};
      }
    }
  }
  const size_t rank = input.dims.rank();
  const int64_t width = rank == 0 ? 1 : input.dims[rank - 1];
  if (rank > 2 || (width >= 0 && width != static_cast<int64_t>(plan.width))) {
    return misfit(input, "an input [-1," + std::to_string(plan.width) + "] for the " + std::to_string(plan.width) +
                             " elements of " + std::to_string(plan.columns.size()) + " columns");
  }
  return {};
}

// The size of the graph, or of the configuration where the graph takes any.
bool settle(int64_t dim, int64_t& wanted) noexcept {
  if (dim < 0) return true;
  if (wanted == 0) wanted = dim;
  return wanted == dim;
}

Status check_pixels(const ImagePlan& plan, const InputSpec& input) {
  if (!is_convertible(input.dtype)) return misfit(input, "FP32, FP16, BF16, UINT8 or INT8 for an image");
  const bool integers = input.dtype == DType::kUint8 || input.dtype == DType::kInt8;
  if (!plan.pixels.scale.empty() && !integers) return misfit(input, "UINT8 or INT8 for 'quantize'");
  return {};
}

// Rows that are the elements of an image.
Status attach_flat(ImagePlan& plan, const InputSpec& input, int64_t dim) {
  const auto channels = static_cast<int64_t>(plan.pixels.channels);
  plan.pixels.planar = plan.layout == ImagePlan::Layout::kPlanes;
  if (plan.width > 0 && plan.height > 0 && (dim < 0 || dim == plan.width * plan.height * channels)) return {};
  return misfit(input, "'width' x 'height' x " + std::to_string(channels) + " to be the elements of a row");
}

Status no_image(const ImagePlan& plan, const InputSpec& input) {
  const std::string layout = plan.pixels.planar ? "planes (NCHW)" : "pixels (NHWC)";
  const std::string size = std::to_string(plan.width) + " x " + std::to_string(plan.height);
  return misfit(input, layout + " of " + std::to_string(plan.pixels.channels) + " channels" +
                           (plan.width > 0 ? " and " + size + " pixels" : ""));
}

std::string arithmetic_text(const std::vector<float>& mul, const std::vector<float>& add) {
  std::string text = "x";
  const auto append = [&text](const char* sign, const std::vector<float>& values) {
    text += sign;
    for (size_t i = 0; i < values.size(); ++i) {
      char number[32];
      std::snprintf(number, sizeof number, "%s%.9g", i == 0 ? "" : ", ", static_cast<double>(values[i]));
      text += number;
    }
    text += "]";
  };
  append(" * [", mul);
  append(" + [", add);
  return text;
}

// The graph normalizes what it takes: the pixels go in as they are. A plan that would do something else is a mistake.
Status leave_to_graph(PixelPlan& pixels, const InputSpec& input) {
  const InputArithmetic& inside = *input.arithmetic;
  const auto fits = [&](const std::vector<float>& values, size_t place, float value) {
    if (values.size() != 1 && values.size() != pixels.channels) return false;
    return values[values.size() == 1 ? 0 : place] == value;
  };
  std::vector<float> mul(pixels.channels), add(pixels.channels);
  bool same = true;
  for (size_t c = 0; c < pixels.channels; ++c) {
    const size_t place = pixels.place[c];
    mul[place] = pixels.mul[c];
    add[place] = pixels.add[c];
    same = same && fits(inside.mul, place, mul[place]) && fits(inside.add, place, add[place]);
  }
  if (!same) {
    return {Code::kInvalidArgument,
            "'preprocess' of input '" + input.name + "': expected the scale, mean and std that are in the graph, " +
                arithmetic_text(inside.mul, inside.add) + ", or none, got " + arithmetic_text(mul, add)};
  }
  pixels.mul.fill(1);
  pixels.add.fill(0);
  return {};
}

Status attach(ImagePlan& plan, const ModelSpec& model, InputSpec& input) {
  plan.pixels.dtype = input.dtype;
  ORTSERVE_RETURN_IF_ERROR(check_pixels(plan, input));
  if (input.arithmetic && !plan.pixels.is_plain()) ORTSERVE_RETURN_IF_ERROR(leave_to_graph(plan.pixels, input));
  if (input.quantized && plan.pixels.scale.empty() && !plan.pixels.is_plain()) {
    plan.pixels.scale = {input.quantized->scale};
    plan.pixels.zero_point = {input.quantized->zero_point};
  }
  plan.pixels.simplify();
  const size_t first = first_dim(model);
  const size_t last = input.dims.rank();
  if (last <= first || last - first > 4) return misfit(input, "the shape of images");
  const size_t left = last - first;
  if (left == 1) return attach_flat(plan, input, input.dims[first]);
  // [H,W] of gray images, or three dims, behind one that is 1.
  const auto channels = static_cast<int64_t>(plan.pixels.channels);
  if (left == 4 && input.dims[first] != 1) return misfit(input, "one image per row");
  const bool has_channels = left > 2;
  if (!has_channels && channels != 1) return misfit(input, "color: gray for images without channels");
  if (plan.layout == ImagePlan::Layout::kAuto) {
    const bool is_planes = has_channels && input.dims[last - 3] == channels && input.dims[last - 1] != channels;
    plan.layout = is_planes ? ImagePlan::Layout::kPlanes : ImagePlan::Layout::kPixels;
  }
  plan.pixels.planar = plan.layout == ImagePlan::Layout::kPlanes;
  const size_t height = !has_channels || plan.pixels.planar ? last - 2 : last - 3;
  const int64_t depth = has_channels ? input.dims[plan.pixels.planar ? last - 3 : last - 1] : 1;
  if ((depth < 0 || depth == channels) && settle(input.dims[height], plan.height) &&
      settle(input.dims[height + 1], plan.width)) {
    return {};
  }
  return no_image(plan, input);
}

Status attach(AudioPlan& plan, const ModelSpec& model, InputSpec& input) {
  if (input.dtype != DType::kFp32 && input.dtype != DType::kFp16) return misfit(input, "FP32 or FP16 for sound");
  const size_t rank = input.dims.rank();
  bool fits = rank > first_dim(model);
  for (size_t i = first_dim(model); i + 1 < rank; ++i) fits = fits && (input.dims[i] == 1 || input.dims[i] == -1);
  if (!fits) return misfit(input, "the samples as the last dim, and 1 or -1 for others, for sound");
  if (settle(input.dims[rank - 1], plan.samples)) return {};
  return misfit(input, "a last dim of " + std::to_string(plan.samples) + " samples");
}

}  // namespace

Status attach_input_plan(InputPlan plan, const ModelSpec& model, InputSpec& input) {
  ORTSERVE_RETURN_IF_ERROR(std::visit([&](auto& kind) { return attach(kind, model, input); }, plan));
  input.plan = std::make_shared<const InputPlan>(std::move(plan));
  return {};
}

bool write_element(DType dtype, double value, std::byte* target) noexcept {
  switch (dtype) {
    case DType::kUint8:
      return store_integer<uint8_t>(value, target);
    case DType::kUint16:
      return store_integer<uint16_t>(value, target);
    case DType::kUint32:
      return store_integer<uint32_t>(value, target);
    case DType::kUint64:
      return store_integer<uint64_t>(value, target);
    case DType::kInt8:
      return store_integer<int8_t>(value, target);
    case DType::kInt16:
      return store_integer<int16_t>(value, target);
    case DType::kInt32:
      return store_integer<int32_t>(value, target);
    case DType::kInt64:
      return store_integer<int64_t>(value, target);
    case DType::kFp16:
      return store_as(float_to_fp16(static_cast<float>(value)), target);
    case DType::kBf16:
      return store_as(float_to_bf16(static_cast<float>(value)), target);
    case DType::kFp32:
      return store_as(static_cast<float>(value), target);
    case DType::kFp64:
      return store_as(value, target);
    default:
      return false;
  }
}

}  // namespace ortserve
