// SPDX-License-Identifier: Apache-2.0
#include "addon/thread_sockets.h"

#ifndef _WIN32
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#ifdef __linux__
#include <linux/filter.h>
#endif

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

bool is_polled(const uv_handle_s* handle) {
  const char* const type = uv_handle_type_name(uv_handle_get_type(handle));
  return type != nullptr && std::strcmp(type, "poll") == 0 && uv_is_closing(handle) == 0;
}

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
    if (!is_polled(handle)) return;
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

#ifdef __linux__
bool listens_on(int descriptor, int port) {
  int listens = 0;
  socklen_t size = sizeof listens;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) return false;
  sockaddr_storage address{};
  size = sizeof address;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port) == port;
  return address.ss_family == AF_INET6 && ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port) == port;
}

// Drops segments that have SYN and not ACK; the flags are byte 13 of the TCP header, where a socket's filter begins.
bool drop_syn(int descriptor) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),          BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
  };
  const sock_fprog filter{sizeof program / sizeof program[0], program};
  return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

struct Refusal {
  int port;
  int sockets;
};

void refuse(uv_handle_s* handle, void* data) noexcept {
  auto* const refusal = static_cast<Refusal*>(data);
  int descriptor = -1;
  if (!is_polled(handle) || uv_fileno(handle, &descriptor) != 0) return;
  if (listens_on(descriptor, refusal->port) && drop_syn(descriptor)) ++refusal->sockets;
}
#endif

}  // namespace

int refuse_connections([[maybe_unused]] napi_env env, [[maybe_unused]] int port) {
#ifdef __linux__
  uv_loop_s* loop = nullptr;
  check(napi_get_uv_event_loop(env, &loop));
  Refusal refusal{port, 0};
  uv_walk(loop, refuse, &refusal);
  return refusal.sockets;
#else
  return 0;
#endif
}

void close_sockets_with_thread(napi_env env) {
  auto sockets = std::make_unique<ThreadSockets>(env);
  static_cast<void>(sockets.release());  // the hook's
}

}  // namespace ortserve

#else

namespace ortserve {

void close_sockets_with_thread(napi_env) {}

int refuse_connections(napi_env, int) {
  return 0;
}

}  // namespace ortserve

#endif
