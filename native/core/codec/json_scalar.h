// SPDX-License-Identifier: Apache-2.0
// Single JSON scalars: the fields around the tensors. The tensors' own elements are read in json_element.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/codec/json_cursor.h"

namespace ortserve {

/// Whether the cursor stands at a well-formed scalar: a string, a number, true, false, null, or a NaN or infinity
/// token. The escapes of a string are not looked at.
bool is_scalar(const JsonCursor& cursor) noexcept;
/// Whether the cursor stands at null.
bool is_null(const JsonCursor& cursor) noexcept;

/// The string whose raw text (see JsonCursor::raw_string) is `raw`: `text` views it, or `unescaped` where it has
/// escapes. False when an escape is wrong.
bool read_raw_string(std::string_view raw, std::string& unescaped, std::string_view& text);

/// Each reads the value at the cursor and goes past it. kInvalidJson: "Unable to parse 'FIELD': expected a string ...".
Status read_string(JsonCursor& cursor, std::string_view field, std::string& value);
Status read_bool(JsonCursor& cursor, std::string_view field, bool& value);
/// 0 to 2^64-1, written without fraction or exponent.
Status read_uint64(JsonCursor& cursor, std::string_view field, uint64_t& value);

/// kInvalidJson when `*seen` is set already; sets it.
Status once(bool& seen, std::string_view key);
/// kInvalidJson: an object lacks the member `key`.
Status missing_member(std::string_view key);

}  // namespace ortserve
