// SPDX-License-Identifier: Apache-2.0
#include "addon/completion_port.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "addon/errors.h"
#include "addon/histogram_object.h"
#include "core/codec/seen_bodies.h"

namespace ortserve {

namespace {

using namespace completion;  // the fields of a record

/// Lets the encoder write into the slab and remembers where.
class SlabArena final : public ReplyArena {
 public:
  explicit SlabArena(ReplySlab& slab) : slab_(slab) {}
  std::byte* acquire(size_t bound) override {
    slab_.discard(place_);  // an encoder that starts over
    place_ = slab_.acquire(bound);
    return place_.data;
  }
  const ReplySlab::Place& place() const { return place_; }

 private:
  ReplySlab& slab_;
  ReplySlab::Place place_;
};

uint32_t micros(TimePoint from, TimePoint to) {
  if (from == TimePoint{} || to <= from) return 0;
  const auto count = std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
  return static_cast<uint32_t>(std::min<int64_t>(count, UINT32_MAX));
}

uint32_t clamped(int64_t value) {
  return static_cast<uint32_t>(std::clamp<int64_t>(value, 0, UINT32_MAX));
}

// The id, then the message. Without memory for them the record says so by its slab.
void write_failure(ReplySlab& slab, const PortRequest& request, const Status& status, CompletionRecord& record) {
  record[kCode] = static_cast<uint32_t>(status.code());
  record[kSlab] = ReplySlab::kLarge;
  const std::string& message = status.message();
  // Ids and messages are short; one that is not is cut rather than given memory of its own.
  const size_t id_size = std::min<size_t>(request.id.size(), ReplySlab::kLargestInChunk / 2);
  const size_t size = std::min<size_t>(message.size(), ReplySlab::kLargestInChunk / 2);
  const ReplySlab::Place place = slab.acquire(id_size + size);
  if (place.data == nullptr) return;
  std::memcpy(place.data, request.id.data(), id_size);
  std::memcpy(place.data + id_size, message.data(), size);
  record[kSlab] = place.slab;
  record[kOffset] = place.offset + static_cast<uint32_t>(id_size);
  record[kLength] = static_cast<uint32_t>(size);
  record[kIdSize] = static_cast<uint32_t>(id_size);
}

// The result of the cache that `request` was answered with, if it got a reply, which depends on that and the body
// alone.
std::optional<CachedResult> repeatable_result(const PortRequest& request) noexcept {
  if (request.cache_outcome != CacheOutcome::kHit || request.cache_number == 0) return std::nullopt;
  const CompletionRecord& record = request.record;  // which tells of a result that could not be encoded, too
  if (record[kCode] != 0 || record[kLength] > SeenBodies::kLongest) return std::nullopt;
  if (!request.special.empty() || request.timing) return std::nullopt;
  return CachedResult{request.cache_key, request.cache_number};
}

uint64_t output_bytes(const PortRequest& request) {
  uint64_t bytes = sizeof(PortRequest);
  for (const Value& value : request.outputs) bytes += value.byte_size();
  return bytes;
}

}  // namespace

std::shared_ptr<CompletionPort> CompletionPort::create(napi_env env, std::function<void(napi_env)> drain) {
  const std::shared_ptr<CompletionPort> port(new CompletionPort(std::move(drain)));
  // The function keeps the port alive until Node has finalised it, which is after the environment's cleanup hooks.
  auto* const held = new std::shared_ptr<CompletionPort>(port);
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<CompletionPort>*>(data); };
  napi_value name;
  check(napi_create_string_utf8(env, "ortserve", NAPI_AUTO_LENGTH, &name));
  check(napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, held, finalize, port.get(), on_wake,
                                        &port->wakeup_));
  check(napi_unref_threadsafe_function(env, port->wakeup_));
  return port;
}

void CompletionPort::on_wake(napi_env env, napi_value, void* context, void*) noexcept {
  if (env == nullptr) return;  // the environment ends: whoever waits goes with it
  static_cast<CompletionPort*>(context)->drain_(env);
}

void CompletionPort::wake() noexcept {
  if (!open_ || posted_) return;
  if (on_js_thread() && hushed_) return;
  // Under the lock, so that close() cannot free the function in between.
  posted_ = napi_call_threadsafe_function(wakeup_, nullptr, napi_tsfn_nonblocking) == napi_ok;
}

void CompletionPort::prepare(Request& request) noexcept {
  auto& job = static_cast<PortRequest&>(request);
  if (!job.histograms.empty()) count_outputs(job);
  if (!job.embedded && open_.load(std::memory_order_relaxed)) job.record = encode(job);
}

void CompletionPort::deliver_all(std::span<std::unique_ptr<Request>> requests) noexcept {
  // The requests may hold the last references but this.
  const std::shared_ptr<CompletionPort> self = static_cast<PortRequest&>(*requests.front()).port;
  if (requests.size() == 1 && answer_submit(static_cast<PortRequest&>(*requests.front()))) {
    retire(std::move(requests.front()));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    for (auto& request : requests) {
      const auto& job = static_cast<PortRequest&>(*request);
      if (job.embedded) {
        keep_predict(request);
      } else if (open_) {
        finished_.records.push_back(job.record);
      }
    }
    wake();
  }
  for (auto& request : requests) retire(std::move(request));
}

// Without the lock: it may be the last to hold its model.
void CompletionPort::retire(std::unique_ptr<Request> request) noexcept {
  if (!request || !on_js_thread()) return;
  spare_.keep(std::unique_ptr<PortRequest>(static_cast<PortRequest*>(request.release())));
}

// Whether this is the answer to the submit() that is running on this very thread.
bool CompletionPort::answer_submit(const PortRequest& request) noexcept {
  const CompletionRecord& record = request.record;
  if (!on_js_thread() || submitting_ == 0 || submitting_ != record[kTicket]) return false;
  inline_answer_ = {.record = record, .repeatable = repeatable_result(request)};
  return true;
}

CompletionRecord CompletionPort::encode(PortRequest& request) noexcept {
  CompletionRecord record{};
  record[kTicket] = request.ticket;
  record[kQueueMicros] = micros(request.timings.queued, request.timings.started);
  record[kComputeMicros] = micros(request.timings.started, request.timings.computed);
  record[kRows] = clamped(request.rows);
  record[kBatchRows] = clamped(request.batch_rows);
  record[kCache] = static_cast<uint32_t>(request.cache_outcome);
  if (!request.status.ok()) {
    write_failure(slab_, request, request.status, record);
    return record;
  }
  SlabArena arena(slab_);
  const auto reply = encode_reply(request.model->spec(), request, arena);
  if (!reply.ok()) {
    slab_.discard(arena.place());
    write_failure(slab_, request, reply.status(), record);
    return record;
  }
  const ReplySlab::Place& place = arena.place();
  slab_.commit(place, reply.value().size);
  record[kSlab] = place.slab;
  record[kOffset] = place.offset;
  record[kLength] = static_cast<uint32_t>(reply.value().size);
  record[kJsonSize] = static_cast<uint32_t>(reply.value().json_size);
  return record;
}

void CompletionPort::keep_predict(std::unique_ptr<Request>& request) noexcept {
  const auto& job = static_cast<PortRequest&>(*request);
  const bool lent = job.lent;
  // Kept even when closed if memory was lent: the references to it must be dropped on the JS thread.
  if (open_ || lent) {
    unread_bytes_.fetch_add(output_bytes(job), std::memory_order_relaxed);
    finished_.predicts.emplace_back(static_cast<PortRequest*>(request.release()));
  }
  if (lent && --lent_ == 0) returned_.notify_all();
}

void CompletionPort::post(Task task) noexcept {
  const std::lock_guard lock(mutex_);
  if (!open_) return;
  finished_.tasks.push_back(std::move(task));
  wake();
}

void CompletionPort::notify(Task task) noexcept {
  const std::lock_guard lock(mutex_);
  if (!open_) return;
  finished_.notices.push_back(std::move(task));
  wake();
}

void CompletionPort::take(Finished& finished) {
  finished.notices.clear();
  finished.records.clear();
  finished.predicts.clear();
  finished.tasks.clear();
  hushed_ = false;
  {
    const std::lock_guard lock(mutex_);
    posted_ = false;
    std::swap(finished, finished_);
  }
  for (const auto& request : finished.predicts) {
    unread_bytes_.fetch_sub(output_bytes(*request), std::memory_order_relaxed);
  }
}

std::optional<CompletionPort::InlineAnswer> CompletionPort::finish_submit() noexcept {
  submitting_ = 0;
  return std::exchange(inline_answer_, std::nullopt);
}

void CompletionPort::expect() noexcept {
  if (expected_++ > 0) return;
  const std::lock_guard lock(mutex_);
  if (open_) napi_ref_threadsafe_function(nullptr, wakeup_);
}

void CompletionPort::expected(size_t count) noexcept {
  expected_ -= count;
  if (expected_ > 0 || count == 0) return;
  const std::lock_guard lock(mutex_);
  if (open_) napi_unref_threadsafe_function(nullptr, wakeup_);
}

void CompletionPort::lend() noexcept {
  const std::lock_guard lock(mutex_);
  ++lent_;
}

void CompletionPort::take_back() noexcept {
  const std::lock_guard lock(mutex_);
  --lent_;
}

void CompletionPort::close() noexcept {
  tickets_.cancel_all();
  const std::lock_guard lock(mutex_);
  open_ = false;
  napi_release_threadsafe_function(wakeup_, napi_tsfn_abort);
  wakeup_ = nullptr;
}

void CompletionPort::wait_for_lent() noexcept {
  Finished dropped;
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return lent_ == 0; });
    std::swap(dropped, finished_);
  }
}

}  // namespace ortserve
