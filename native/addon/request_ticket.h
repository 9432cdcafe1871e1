// SPDX-License-Identifier: Apache-2.0
// How every request of a port begins.
#pragma once

#include <cstdint>
#include <memory>

#include "addon/environment.h"
#include "addon/port_request.h"

namespace ortserve {

/// `micros` after `start`; 0: kNoDeadline.
TimePoint deadline_after(TimePoint start, int64_t micros);

/// `CacheUse` of src/native/binding.ts.
CacheUse read_cache_use(napi_env env, napi_value value);

/// A request with a new ticket, bound to its port and model. Throws kQueueFull when too many are unanswered.
std::unique_ptr<PortRequest> ticketed_request(Environment& environment, const std::shared_ptr<LoadedModel>& model,
                                              TimePoint received, TimePoint deadline);

}  // namespace ortserve
