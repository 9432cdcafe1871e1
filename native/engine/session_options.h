// SPDX-License-Identifier: Apache-2.0
// From a SessionConfig to ONNX Runtime's session options.
#pragma once

#include <vector>

#include "engine/engine.h"
#include "engine/option_table.h"
#include "engine/ort_api.h"

namespace ortserve {

/// Every session option a user may set, sorted by key.
std::span<const OptionSpec> session_option_table() noexcept;

/// The user's session options, each checked. kInvalidArgument.
Result<std::vector<CheckedOption>> check_session_options(const SessionConfig& config);

/// Whether `options` sets `key`, and to "1".
bool is_set(const std::vector<CheckedOption>& options, std::string_view key) noexcept;
/// What `options` sets `key` to, or `otherwise`.
std::string_view value_of(const std::vector<CheckedOption>& options, std::string_view key,
                          std::string_view otherwise) noexcept;
bool is_on(const std::vector<CheckedOption>& options, std::string_view key) noexcept;

/// ortserve's defaults (sequential, all optimisations, `intra_op_threads`, no spinning between runs, memory patterns
/// only when `dynamic_shapes` is false), then the user's options over them. Throws Ort::Exception.
Ort::SessionOptions make_session_options(int intra_op_threads, const std::vector<CheckedOption>& options,
                                         bool dynamic_shapes);

}  // namespace ortserve
