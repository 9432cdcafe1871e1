// SPDX-License-Identifier: Apache-2.0
// Sockets that a JavaScript thread leaves open when it ends.
#pragma once

#include <node_api.h>

namespace ortserve {

/// When the thread of `env` ends, by whatever way, every descriptor that its event loop polls is closed. uWebSockets.js
/// leaves its sockets open then: Node would abort the process, because the loop still has handles, and a listening
/// socket that nobody serves would go on taking connections. For threads whose polled descriptors are all
/// uWebSockets.js's. Once per thread; does nothing on Windows.
void close_sockets_with_thread(napi_env env);

}  // namespace ortserve
