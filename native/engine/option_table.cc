// SPDX-License-Identifier: Apache-2.0
#include "engine/option_table.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/nearest_name.h"

namespace ortserve {

namespace {

constexpr std::string_view kUncheckedPrefix = "x-";

const OptionSpec* find_option(std::span<const OptionSpec> table, std::string_view key) {
  const auto found = std::ranges::find_if(table, [&](const OptionSpec& spec) {
    return spec.setter == OptionSetter::kFreeDimension ? key.size() > spec.key.size() && key.starts_with(spec.key)
                                                       : key == spec.key;
  });
  return found == table.end() ? nullptr : &*found;
}

Status unknown_key(std::span<const OptionSpec> table, std::string_view what, const std::string& key) {
  NearestName nearest(key);
  for (const OptionSpec& spec : table) nearest.offer(spec.key);
  std::string message = "unknown " + std::string(what) + " '" + key + "'";
  if (!nearest.name().empty()) message += "; the nearest known one is '" + std::string(nearest.name()) + "'";
  return {Code::kInvalidArgument, message + " (the prefix 'x-' passes a key to ONNX Runtime unchecked)"};
}

std::string expectation(const OptionSpec& spec) {
  switch (spec.type) {
    case OptionType::kBool:
      return "0 or 1";
    case OptionType::kInt:
      if (spec.max == INT64_MAX) return "an integer of at least " + std::to_string(spec.min);
      return "an integer from " + std::to_string(spec.min) + " to " + std::to_string(spec.max);
    case OptionType::kChoice: {
      std::string choices(spec.choices);
      std::ranges::replace(choices, '|', ' ');
      return "one of: " + choices;
    }
    case OptionType::kText:
      break;
  }
  return "text without a NUL character";
}

bool is_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const size_t end = std::min(choices.find('|'), choices.size());
    if (choices.substr(0, end) == value) return true;
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
  return false;
}

bool is_integer_within(const std::string& value, int64_t min, int64_t max) {
  int64_t number = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  return error == std::errc{} && stop == end && number >= min && number <= max;
}

/// The value as ORT wants it, or nothing when it does not fit.
std::optional<std::string> normalised(const OptionSpec& spec, const std::string& value) {
  switch (spec.type) {
    case OptionType::kBool:
      if (value == "1" || value == "true") return "1";
      if (value == "0" || value == "false") return "0";
      return std::nullopt;
    case OptionType::kInt:
      if (is_integer_within(value, spec.min, spec.max)) return value;
      return std::nullopt;
    case OptionType::kChoice:
      if (is_choice(spec.choices, value)) return value;
      return std::nullopt;
    case OptionType::kText:
      break;
  }
  if (value.find('\0') == std::string::npos) return value;
  return std::nullopt;
}

}  // namespace

Result<CheckedOption> check_option(std::span<const OptionSpec> table, std::string_view what, const std::string& key,
                                   const std::string& value) {
  if (key.starts_with(kUncheckedPrefix)) return CheckedOption{key.substr(kUncheckedPrefix.size()), value};
  const OptionSpec* const spec = find_option(table, key);
  if (!spec) return unknown_key(table, what, key);
  if (spec->setter == OptionSetter::kManaged) {
    return {Code::kInvalidArgument, "the " + std::string(what) + " '" + key + "' " + std::string(spec->doc)};
  }
  auto checked = normalised(*spec, value);
  if (!checked) {
    return {Code::kInvalidArgument,
            "expected " + expectation(*spec) + " for the " + std::string(what) + " '" + key + "', got '" + value + "'"};
  }
  const size_t prefix = spec->setter == OptionSetter::kFreeDimension ? spec->key.size() : 0;
  return CheckedOption{key.substr(prefix), std::move(*checked), spec->setter};
}

}  // namespace ortserve
