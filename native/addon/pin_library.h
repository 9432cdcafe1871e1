// SPDX-License-Identifier: Apache-2.0
// Keeps the addon's code in memory.
#pragma once

namespace ortserve {

/// From now on the addon is never unloaded: Node closes a library with its last environment, but threads, exit handlers
/// and state that is never destroyed may still need the code.
void pin_library() noexcept;

}  // namespace ortserve
