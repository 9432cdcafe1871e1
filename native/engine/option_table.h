// SPDX-License-Identifier: Apache-2.0
// Options as data: what a key is called, what it may hold and what it is for. ONNX Runtime accepts misspelt keys
// silently, so every key is checked here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/status.h"

namespace ortserve {

enum class OptionType : uint8_t {
  kBool,    ///< "0" or "1"; "false" and "true" are taken too
  kInt,     ///< decimal, within [min, max]
  kChoice,  ///< one of `choices`
  kText,    ///< anything
};

enum class OptionSetter : uint8_t {
  kConfigEntry,    ///< handed to ORT as a key and a value
  kFreeDimension,  ///< the key is a prefix; the rest of it names a symbolic dimension that gets this value
  kEngine,         ///< for ortserve's own engine: ORT does not see it
  kManaged,        ///< set by ortserve itself; `doc` says through what
};

struct OptionSpec {
  std::string_view key;
  OptionType type = OptionType::kText;
  std::string_view doc;      ///< one line, for people
  int64_t min = 0;           ///< kInt
  int64_t max = INT64_MAX;   ///< kInt
  std::string_view choices;  ///< kChoice: "a|b|c"
  OptionSetter setter = OptionSetter::kConfigEntry;
};

/// A key that passed the check, ready to be set.
struct CheckedOption {
  std::string key;    ///< as ORT knows it: without "x-" or the free-dimension prefix
  std::string value;  ///< normalised
  OptionSetter setter = OptionSetter::kConfigEntry;
};

/// Checks one pair against `table`. `what` names the kind in messages: "session option", "cuda option".
/// A key that starts with "x-" goes through unchecked, without that prefix. kInvalidArgument names the key, the nearest
/// known one, or what was expected and what came.
Result<CheckedOption> check_option(std::span<const OptionSpec> table, std::string_view what, const std::string& key,
                                   const std::string& value);

}  // namespace ortserve
