// SPDX-License-Identifier: Apache-2.0
// One loop on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace ortserve {

/// Calls body(0) .. body(count - 1), each once, on up to `threads` threads, of which the caller is one; returns when
/// all have ended. Indices are handed out in order. Where the system gives no more threads, fewer do the work. `body`
/// must not throw.
void parallel_for(size_t threads, size_t count, const std::function<void(size_t)>& body);

}  // namespace ortserve
