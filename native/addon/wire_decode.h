// SPDX-License-Identifier: Apache-2.0
// From a body to the queue of its model. Whatever is wrong becomes the request's answer.
#pragma once

#include <memory>
#include <optional>

#include "addon/port_request.h"

namespace ortserve {

/// Decodes on the calling thread. `turn`: see Batcher::submit(); `seen`: see decode_request().
void decode_and_queue(std::unique_ptr<PortRequest> request, const Buffer& body, std::optional<size_t> json_size,
                      TurnBatch* turn = nullptr, SeenHeader* seen = nullptr);
/// Decodes on a worker, after LoadedModel::begin_decode().
void decode_on_worker(std::unique_ptr<PortRequest> request, Buffer body, std::optional<size_t> json_size);

}  // namespace ortserve
