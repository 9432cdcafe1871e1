// SPDX-License-Identifier: Apache-2.0
#include "addon/plan_options.h"

#include <algorithm>

#include "addon/js_read.h"

namespace ortserve {

namespace {

double read_number(napi_env env, napi_value value, const char* what) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) {
    fail(Code::kInvalidArgument, std::string("expected a number for ") + what);
  }
  return number;
}

class PlanReader {
 public:
  PlanReader(napi_env env, napi_value object) : env_(env), object_(object) {}

  napi_value value(const char* name) const { return read_property(env_, object_, name); }
  bool has(const char* name) const { return !is_undefined(env_, value(name)); }
  std::string text(const char* name) const { return read_string(env_, value(name), name); }
  bool flag(const char* name) const { return read_bool(env_, value(name), name); }
  double number(const char* name) const { return read_number(env_, value(name), name); }
  int64_t amount(const char* name) const { return read_amount(env_, value(name), name); }

  template <typename F>
  void each(const char* name, F&& use) const {
    const napi_value array = value(name);
    const uint32_t count = read_length(env_, array, name);
    for (uint32_t i = 0; i < count; ++i) use(i, read_element(env_, array, i));
  }
  std::vector<std::string> texts(const char* name) const {
    std::vector<std::string> all;
    each(name, [&](uint32_t, napi_value one) { all.push_back(read_string(env_, one, name)); });
    return all;
  }
  std::vector<double> numbers(const char* name) const {
    std::vector<double> all;
    each(name, [&](uint32_t, napi_value one) { all.push_back(read_number(env_, one, name)); });
    return all;
  }

 private:
  napi_env env_;
  napi_value object_;
};

TabularColumn read_column(const PlanReader& reader) {
  TabularColumn column;
  column.name = reader.text("name");
  const std::string kind = reader.text("kind");
  if (kind != "number") {
    column.kind = kind == "oneHot" ? TabularColumn::Kind::kOneHot : TabularColumn::Kind::kOrdinal;
  }
  if (reader.has("defaultNumber")) column.default_number = reader.number("defaultNumber");
  if (reader.has("defaultCategory")) column.default_category = reader.text("defaultCategory");
  column.mean = reader.number("mean");
  column.std = reader.number("std");
  column.low = reader.number("low");
  column.high = reader.number("high");
  column.clip = reader.flag("clip");
  column.allow_nan = reader.flag("allowNan");
  column.categories = reader.texts("categories");
  column.codes = reader.numbers("codes");
  if (column.kind == TabularColumn::Kind::kOrdinal && column.codes.size() != column.categories.size()) {
    fail(Code::kInvalidArgument, "expected one code per category of column '" + column.name + "'");
  }
  const std::string unknown = reader.text("unknown");
  if (unknown == "ignore") column.unknown = TabularColumn::Unknown::kIgnore;
  if (unknown == "value") column.unknown = TabularColumn::Unknown::kValue;
  column.unknown_code = reader.number("unknownCode");
  return column;
}

TabularPlan read_tabular(napi_env env, const PlanReader& reader) {
  TabularPlan plan;
  reader.each("columns", [&](uint32_t, napi_value one) { plan.columns.push_back(read_column({env, one})); });
  return plan;
}

ImagePlan read_image(const PlanReader& reader) {
  ImagePlan plan;
  const std::vector<double> mul = reader.numbers("mul"), add = reader.numbers("add"), place = reader.numbers("place");
  if (mul.empty() || mul.size() > kMaxChannels || add.size() != mul.size() || place.size() != mul.size()) {
    fail(Code::kInvalidArgument, "expected 1 to " + std::to_string(kMaxChannels) + " channels of an image");
  }
  plan.pixels.channels = mul.size();
  for (size_t c = 0; c < mul.size(); ++c) {
    plan.pixels.mul[c] = static_cast<float>(mul[c]);
    plan.pixels.add[c] = static_cast<float>(add[c]);
    plan.pixels.place[c] = static_cast<uint8_t>(std::clamp(place[c], 0.0, static_cast<double>(mul.size() - 1)));
  }
  for (const double scale : reader.numbers("scale")) plan.pixels.scale.push_back(static_cast<float>(scale));
  for (const double zero : reader.numbers("zeroPoint")) plan.pixels.zero_point.push_back(static_cast<int32_t>(zero));
  const size_t scales = plan.pixels.scale.size();
  if (plan.pixels.zero_point.size() != scales || (scales > 1 && scales != mul.size())) {
    fail(Code::kInvalidArgument, "expected one scale and zero point for an image, or one per channel");
  }
  const std::string layout = reader.text("layout");
  if (layout != "auto") plan.layout = layout == "nchw" ? ImagePlan::Layout::kPlanes : ImagePlan::Layout::kPixels;
  plan.width = reader.amount("width");
  plan.height = reader.amount("height");
  plan.decode = reader.text("decode");
  return plan;
}

OutputPlan read_output(const PlanReader& reader) {
  OutputPlan plan;
  if (reader.has("scale")) plan.scale = static_cast<float>(reader.number("scale"));
  plan.zero_point = static_cast<int32_t>(reader.number("zeroPoint"));
  const std::string activation = reader.text("activation");
  if (activation == "softmax") plan.activation = OutputPlan::Activation::kSoftmax;
  if (activation == "sigmoid") plan.activation = OutputPlan::Activation::kSigmoid;
  plan.argmax = reader.flag("argmax");
  plan.top_k = reader.amount("topK");
  if (reader.has("threshold")) plan.threshold = static_cast<float>(reader.number("threshold"));
  plan.labels = reader.texts("labels");
  plan.name = reader.text("name");
  plan.scores_name = reader.text("scoresName");
  return plan;
}

}  // namespace

std::map<std::string, InputPlan> input_plans_from_js(napi_env env, napi_value value) {
  std::map<std::string, InputPlan> plans;
  for (const auto& [name, object] : read_entries(env, value, "preprocess")) {
    const PlanReader reader(env, object);
    const std::string kind = reader.text("kind");
    if (kind == "tabular") plans[name] = read_tabular(env, reader);
    if (kind == "image") plans[name] = read_image(reader);
    if (kind == "audio") plans[name] = AudioPlan{static_cast<float>(reader.number("scale")), 0, reader.text("decode")};
  }
  return plans;
}

std::map<std::string, OutputPlan> output_plans_from_js(napi_env env, napi_value value) {
  std::map<std::string, OutputPlan> plans;
  for (const auto& [name, object] : read_entries(env, value, "postprocess")) {
    plans[name] = read_output(PlanReader(env, object));
  }
  return plans;
}

}  // namespace ortserve
