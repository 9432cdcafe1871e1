// SPDX-License-Identifier: Apache-2.0
// How the operating system sees the core's threads.
#pragma once

namespace ortserve {

/// Names the calling thread for tools such as `top -H`, and lets it yield to threads of normal priority: a JavaScript
/// thread that wakes up among busy workers then runs at once instead of waiting for a time slice to end.
void become_worker_thread() noexcept;
bool is_worker_thread() noexcept;

}  // namespace ortserve
