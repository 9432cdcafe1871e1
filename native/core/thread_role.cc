// SPDX-License-Identifier: Apache-2.0
#include "core/thread_role.h"

#if defined(__linux__)
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <pthread.h>
#include <pthread/qos.h>
#elif defined(_WIN32)
#include <windows.h>
#endif

namespace ortserve {

namespace {

thread_local bool worker_thread = false;

}  // namespace

bool is_worker_thread() noexcept {
  return worker_thread;
}

void become_worker_thread() noexcept {
  worker_thread = true;
#if defined(__linux__)
  constexpr int kNicer = 10;  // a tenth of the weight of a thread at nice 0, which preempts it when it wakes up
  pthread_setname_np(pthread_self(), "ortserve-worker");
  const auto self = static_cast<id_t>(syscall(SYS_gettid));  // Linux keeps a nice value per thread
  setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + kNicer);
#elif defined(__APPLE__)
  pthread_setname_np("ortserve-worker");
  pthread_set_qos_class_self_np(QOS_CLASS_USER_INITIATED, -5);
#elif defined(_WIN32)
  SetThreadDescription(GetCurrentThread(), L"ortserve-worker");
  SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_BELOW_NORMAL);
#endif
}

}  // namespace ortserve
