// SPDX-License-Identifier: Apache-2.0
#include "addon/device_calls.h"

#include <array>
#include <string>

#include "addon/js_build.h"
#include "addon/js_read.h"
#include "engine/provider_options.h"

namespace ortserve {

namespace {

std::string_view kind_name(OptionType type) noexcept {
  static constexpr std::array<std::string_view, 4> kNames = {"boolean", "integer", "choice", "text"};
  return kNames[static_cast<size_t>(type)];
}

struct ProviderTable {
  std::string_view provider;
  std::span<const OptionSpec> options;
  const ProviderSettings& presets;
};

napi_value option_to_js(napi_env env, const ProviderTable& table, const OptionSpec& spec) {
  const auto preset = table.presets.find(std::string(spec.key));
  JsObject object(env);
  object.set("provider", table.provider)
      .set("key", spec.key)
      .set("kind", kind_name(spec.type))
      .set("doc", spec.doc)
      .set("choices", spec.choices)
      .set("preset", preset == table.presets.end() ? std::string_view() : preset->second)
      .set_bool("settable", spec.setter != OptionSetter::kManaged);
  if (spec.type == OptionType::kInt) {
    object.set("min", static_cast<double>(spec.min));
    if (spec.max != INT64_MAX) object.set("max", static_cast<double>(spec.max));
  }
  return object.value();
}

}  // namespace

napi_value call_provider_options(napi_env env, napi_callback_info) {
  return entry(env, [&] {
    const std::array<ProviderTable, 2> tables = {
        {{"cuda", cuda_option_table(), cuda_defaults()}, {"tensorrt", tensorrt_option_table(), tensorrt_defaults()}}};
    const napi_value all = js_array(env, 0);
    size_t index = 0;
    for (const ProviderTable& table : tables) {
      for (const OptionSpec& spec : table.options) set_element(env, all, index++, option_to_js(env, table, spec));
    }
    return all;
  });
}

}  // namespace ortserve
