// SPDX-License-Identifier: Apache-2.0
// What uWebSockets.js does not do for the sockets of a JavaScript thread, done through the thread's event loop.
#pragma once

#include <node_api.h>

namespace ortserve {

/// When the thread of `env` ends, by whatever way, every descriptor that its event loop polls is closed. uWebSockets.js
/// leaves its sockets open then: Node would abort the process, because the loop still has handles, and a listening
/// socket that nobody serves would go on taking connections. For threads whose polled descriptors are all
/// uWebSockets.js's. Once per thread; does nothing on Windows.
void close_sockets_with_thread(napi_env env);

/// From now on nobody begins to connect to `port` of this thread; what is being connected already can still be
/// accepted. Closing a listening socket resets the connections that wait to be accepted, so this comes first. Whoever
/// comes later sends again after a second, to be refused or to reach the next server. Returns how many sockets that
/// concerns; 0 where the system cannot do it. Linux only.
int refuse_connections(napi_env env, int port);

}  // namespace ortserve
