// SPDX-License-Identifier: Apache-2.0
// Options of the execution providers, as tables.
#pragma once

#include <map>
#include <span>
#include <string>
#include <unordered_map>

#include "engine/option_table.h"

namespace ortserve {

using ProviderSettings = std::unordered_map<std::string, std::string>;

std::span<const OptionSpec> cuda_option_table() noexcept;
std::span<const OptionSpec> tensorrt_option_table() noexcept;

/// `defaults`, overridden by the user's checked `options`. kInvalidArgument.
Result<ProviderSettings> provider_settings(std::span<const OptionSpec> table, const std::string& provider,
                                           const ProviderSettings& defaults,
                                           const std::map<std::string, std::string>& options);

/// What ortserve sets unless the user does.
const ProviderSettings& cuda_defaults();
const ProviderSettings& tensorrt_defaults();

}  // namespace ortserve
