// SPDX-License-Identifier: Apache-2.0
// The way back to one JavaScript environment: what native threads finished, and the wake-up that makes it be read.
#pragma once

#include <node_api.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "addon/completion_record.h"
#include "addon/port_request.h"
#include "addon/reply_slab.h"
#include "addon/spare_requests.h"
#include "addon/ticket_table.h"

namespace ortserve {

/// Requests and tasks hold the port by shared pointer, so it outlives its environment; what arrives then is thrown
/// away. Many completions share one call of the threadsafe function. Members are for any thread unless they say "JS
/// thread".
class CompletionPort final : public ResultSink, public std::enable_shared_from_this<CompletionPort> {
 public:
  using Task = std::function<void(napi_env)>;

  /// The answer of a submit() that ended before it returned.
  struct InlineAnswer {
    CompletionRecord record{};
    /// Where it came from the cache, and the same body will get the same reply as long as this is there.
    std::optional<CachedResult> repeatable;
  };

  /// Everything that has finished since the last call.
  struct Finished {
    std::vector<CompletionRecord> records;
    std::vector<std::unique_ptr<PortRequest>> predicts;
    std::vector<Task> tasks;
    std::vector<Task> notices;
  };

  /// JS thread. `drain` is called on the JS thread, in a callback scope, when take() has something to give.
  static std::shared_ptr<CompletionPort> create(napi_env env, std::function<void(napi_env)> drain);

  /// Encodes a wire request's reply on the calling thread.
  void prepare(Request& request) noexcept override;
  void deliver(std::unique_ptr<Request> request) noexcept override { deliver_all({&request, 1}); }
  /// Keeps what was answered for drain; one lock and at most one wake-up for all.
  void deliver_all(std::span<std::unique_ptr<Request>> requests) noexcept override;
  /// Runs `task` on the JS thread, soon; drops it when the environment is gone.
  void post(Task task) noexcept;
  /// As post(), for what nobody waits for: it is not counted by expect().
  void notify(Task task) noexcept;

  /// JS thread: moves what has finished into `finished`, which is cleared first.
  void take(Finished& finished);

  /// JS thread, around one submit: an answer that comes before the submit returns is handed back by finish_submit().
  void begin_submit(uint32_t ticket) noexcept { submitting_ = ticket; }
  /// nullopt: the request was not answered meanwhile.
  std::optional<InlineAnswer> finish_submit() noexcept;

  /// JS thread: what is answered on this thread from now on wakes nobody: take() will be called.
  void hush() noexcept { hushed_ = true; }

  /// JS thread: one more, or fewer, thing that JavaScript waits for. The event loop stays alive while there is any.
  void expect() noexcept;
  void expected(size_t count) noexcept;

  /// Counts predicts that read memory lent by JavaScript. Each ends with its delivery, or with take_back() when it was
  /// refused.
  void lend() noexcept;
  void take_back() noexcept;
  /// Bytes of embedded results that JavaScript has not read yet.
  uint64_t unread_bytes() const noexcept { return unread_bytes_.load(std::memory_order_relaxed); }

  /// JS thread, when the environment ends, in this order. close(): nothing more is posted, queued work is cancelled.
  void close() noexcept;
  /// Blocks until no native thread reads memory of this environment; then drops all that was not read.
  void wait_for_lent() noexcept;

  TicketTable& tickets() noexcept { return tickets_; }         ///< JS thread
  SpareRequests& spare_requests() noexcept { return spare_; }  ///< JS thread
  ReplySlab& slab() noexcept { return slab_; }

 private:
  explicit CompletionPort(std::function<void(napi_env)> drain) : drain_(std::move(drain)) {}
  static void on_wake(napi_env env, napi_value callback, void* context, void* data) noexcept;

  CompletionRecord encode(PortRequest& request) noexcept;
  bool on_js_thread() const noexcept { return std::this_thread::get_id() == js_thread_; }
  bool answer_submit(const PortRequest& request) noexcept;
  void retire(std::unique_ptr<Request> request) noexcept;
  void keep_predict(std::unique_ptr<Request>& request) noexcept;  // mutex_ held
  void wake() noexcept;                                           // mutex_ held

  const std::function<void(napi_env)> drain_;
  const std::thread::id js_thread_ = std::this_thread::get_id();
  TicketTable tickets_;
  ReplySlab slab_;
  std::atomic<uint64_t> unread_bytes_{0};

  // JS thread only.
  uint32_t submitting_ = 0;
  bool hushed_ = false;
  std::optional<InlineAnswer> inline_answer_;
  SpareRequests spare_;
  size_t expected_ = 0;

  std::atomic<bool> open_{true};  // changed with mutex_ held

  std::mutex mutex_;  // guards everything below
  std::condition_variable returned_;
  bool posted_ = false;  // a wake-up is on its way
  int64_t lent_ = 0;
  napi_threadsafe_function wakeup_ = nullptr;
  Finished finished_;
};

}  // namespace ortserve
