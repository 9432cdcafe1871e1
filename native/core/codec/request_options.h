// SPDX-License-Identifier: Apache-2.0
// The parts of a request beside its tensors: parameters and the outputs that are asked for.
#pragma once

#include <string_view>

#include "core/codec/json_cursor.h"
#include "core/codec/wire.h"

namespace ortserve {

/// Reads the parameter `key`, whose value the cursor stands at; see read_parameters().
Status read_parameter(JsonCursor& cursor, std::string_view key, WireRequest& out, bool& binary_output);

/// Reads a request's "parameters" object at the cursor. `timeout` (microseconds, 0: none) becomes out.queue_timeout,
/// `priority` becomes out.priority; `binary_data_output` sets `binary_output`; `timing` sets out.timing; `sequence_*`
/// are checked and otherwise ignored, as are parameters of other names. kInvalidInput: a value of a wrong type, a
/// reserved name.
Status read_parameters(JsonCursor& cursor, WireRequest& out, bool& binary_output);

/// Appends output `name` to out.wanted. kInvalidInput: no such output, or asked for twice.
Status add_wanted(const ModelSpec& spec, std::string_view name, WireRequest& out);

/// kUnsupported, or kInvalidInput, when the Open Inference Protocol has no way to send this output as a blob or, if not
/// `binary`, as JSON: sequences and maps, FP16 and BF16 in JSON; or as classes. `special` may be nullptr.
Status check_open_inference_output(const OutputSpec& output, bool binary, const SpecialOutput* special);

}  // namespace ortserve
