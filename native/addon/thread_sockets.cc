// SPDX-License-Identifier: Apache-2.0
#include "addon/thread_sockets.h"

#ifndef _WIN32
#include <unistd.h>

#include <cstring>
#include <memory>

#include "addon/errors.h"

// Of libuv, which Node exports and keeps stable through its major version 1; its headers are not among Node-API's.
extern "C" {
struct uv_handle_s;
const char* uv_handle_type_name(int type);
int uv_handle_get_type(const uv_handle_s* handle);
void uv_handle_set_data(uv_handle_s* handle, void* data);
void* uv_handle_get_data(const uv_handle_s* handle);
int uv_is_closing(const uv_handle_s* handle);
int uv_fileno(const uv_handle_s* handle, int* descriptor);
void uv_close(uv_handle_s* handle, void (*closed)(uv_handle_s*));
void uv_walk(uv_loop_s* loop, void (*visit)(uv_handle_s*, void*), void* argument);
}

namespace ortserve {

namespace {

class ThreadSockets {
 public:
  explicit ThreadSockets(napi_env env) {
    check(napi_get_uv_event_loop(env, &loop_));
    check(napi_add_async_cleanup_hook(env, on_end, this, &hook_));
  }

 private:
  static void on_end(napi_async_cleanup_hook_handle, void* data) noexcept {
    auto* const sockets = static_cast<ThreadSockets*>(data);
    ++sockets->open_;
    uv_walk(sockets->loop_, visit, sockets);
    sockets->closed();
  }

  static void visit(uv_handle_s* handle, void* data) noexcept {
    const char* const type = uv_handle_type_name(uv_handle_get_type(handle));
    if (type == nullptr || std::strcmp(type, "poll") != 0 || uv_is_closing(handle) != 0) return;
    int descriptor = -1;
    const bool known = uv_fileno(handle, &descriptor) == 0;
    ++static_cast<ThreadSockets*>(data)->open_;
    uv_handle_set_data(handle, data);
    uv_close(handle, [](uv_handle_s* gone) { static_cast<ThreadSockets*>(uv_handle_get_data(gone))->closed(); });
    if (known) close(descriptor);  // after uv_close, which has stopped the polling
  }

  void closed() noexcept {
    if (--open_ > 0) return;
    napi_remove_async_cleanup_hook(hook_);  // Node's teardown has waited for this
    delete this;
  }

  uv_loop_s* loop_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  int open_ = 0;
};

}  // namespace

void close_sockets_with_thread(napi_env env) {
  auto sockets = std::make_unique<ThreadSockets>(env);
  static_cast<void>(sockets.release());  // the hook's
}

}  // namespace ortserve

#else

namespace ortserve {

void close_sockets_with_thread(napi_env) {}

}  // namespace ortserve

#endif
