// SPDX-License-Identifier: Apache-2.0
#include "addon/environment.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "addon/js_build.h"
#include "addon/js_tensor.h"
#include "addon/port_object.h"
#include "addon/process_engine.h"

namespace ortserve {

namespace {

constexpr size_t kScratchBytes = 64 << 10;

/// Node aborts the process when a callback leaves a scope open, as one that is cut short by a thread's end would.
class HandleScope {
 public:
  explicit HandleScope(napi_env env) : env_(env) { check(napi_open_handle_scope(env, &scope_)); }
  ~HandleScope() { napi_close_handle_scope(env_, scope_); }
  HandleScope(const HandleScope&) = delete;
  HandleScope& operator=(const HandleScope&) = delete;

 private:
  napi_env env_;
  napi_handle_scope scope_ = nullptr;
};

void call(napi_env env, const JsReference& function, std::initializer_list<napi_value> arguments) {
  const napi_status status =
      napi_call_function(env, js_undefined(env), function.value(), arguments.size(), arguments.begin(), nullptr);
  if (status == napi_pending_exception) report_pending_exception(env);
}

uint32_t micros_between(TimePoint from, TimePoint to) {
  if (from == TimePoint{} || to <= from) return 0;
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(to - from).count());
}

// The outputs as JavaScript values; when there is no memory for them, null and the reason in `status`.
napi_value outputs_to_js(napi_env env, PortRequest& request, Status& status) {
  try {
    uint64_t copied = 0;
    const napi_value values =
        js_array_of(env, request.outputs, [&](const Value& value) { return value_to_js(env, value, copied); });
    request.model->copied_out(copied);
    return values;
  } catch (const NapiFailure&) {
    napi_value ignored;
    check(napi_get_and_clear_last_exception(env, &ignored));  // fails when the environment is ending
    status = Status(Code::kOutOfMemory, "JavaScript has no memory for the outputs");
    return nullptr;
  }
}

}  // namespace

Environment::Environment(napi_env env)
    : completions_(CompletionPort::create(env, [this](napi_env current) { drain(current); })) {}

Environment* Environment::create(napi_env env) {
  // In this order: hooks run backwards, so ours comes while the threadsafe function is still alive.
  auto environment = std::unique_ptr<Environment>(new Environment(env));
  check(napi_add_env_cleanup_hook(env, cleanup, environment.get()));
  ProcessEngine::instance().open_environment();
  return environment.release();
}

void Environment::cleanup(void* data) noexcept {
  const std::unique_ptr<Environment> environment(of(data));
  environment->turn_.drop();
  environment->close_shared_cache();
  environment->completions_->close();
  ProcessEngine::instance().close_environment();
  environment->completions_->wait_for_lent();
}

const std::shared_ptr<LoadedModel>& Environment::model_of(napi_env env, napi_value value) const {
  void* wrapped = nullptr;
  if (napi_unwrap(env, value, &wrapped) == napi_ok && wrapped != nullptr &&
      std::ranges::find(*handles_, static_cast<ModelHandle*>(wrapped)) != handles_->end()) {
    return static_cast<ModelHandle*>(wrapped)->model;
  }
  fail(Code::kInvalidArgument, "expected a model of this thread, got something else");
}

const ModelHandle& Environment::model_at(napi_env env, napi_value handle) const {
  uint32_t index = 0;
  if (napi_get_value_uint32(env, handle, &index) == napi_ok && index < handles_->size() && (*handles_)[index]) {
    return *(*handles_)[index];
  }
  fail(Code::kInvalidArgument, "expected a model of this thread, got something else");
}

napi_value Environment::open_port(napi_env env, napi_value on_replies, napi_value on_outputs) {
  if (port_) fail(Code::kInvalidArgument, "the port of this thread is open already");
  void* data = nullptr;
  napi_value buffer;
  napi_value records;
  const size_t length = kRecordsPerCall * CompletionRecord{}.size();
  check(napi_create_arraybuffer(env, length * sizeof(uint32_t), &data, &buffer));
  check(napi_create_typedarray(env, napi_uint32_array, length, buffer, 0, &records));
  slabs_.emplace(env, completions_->slab());
  on_replies_ = JsReference(env, on_replies);
  on_outputs_ = JsReference(env, on_outputs);
  records_ = JsReference(env, records);
  const napi_value port = make_port_object(env, this, records, slabs_->slabs(), slabs_->large());
  port_ = JsReference(env, port);
  return port;
}

void Environment::write_records(napi_env env, const CompletionRecord* records, size_t count) {
  void* data = nullptr;
  size_t length = 0;
  check(napi_get_typedarray_info(env, records_.value(), nullptr, &length, &data, nullptr, nullptr));
  if (count * records->size() > length) throw NapiFailure();  // JavaScript has detached it
  std::memcpy(data, records, count * sizeof(CompletionRecord));
}

void Environment::answer_now(napi_env env, const CompletionRecord& record) {
  completions_->tickets().close(record[completion::kTicket]);
  shown_now_ = record;
  slabs_->show(env, record);
  write_records(env, &record, 1);
}

void Environment::begin_call(napi_env env) {
  if (!shown_now_) return;
  const CompletionRecord record = *std::exchange(shown_now_, std::nullopt);
  slabs_->hide(env, {&record, 1});
}

void Environment::open_shared_cache(napi_env env, std::shared_ptr<SharedCache> shared, napi_value on_lookup,
                                    napi_value on_store, napi_value on_flush) {
  if (Status status = ProcessEngine::instance().open_shared_cache(shared); !status.ok()) fail(std::move(status));
  shared_cache_ = std::move(shared);
  on_lookup_ = JsReference(env, on_lookup);
  on_store_ = JsReference(env, on_store);
  on_flush_ = JsReference(env, on_flush);
}

SharedCache& Environment::shared_cache() {
  if (!shared_cache_) fail(Code::kInvalidArgument, "this thread has not opened the shared cache");
  return *shared_cache_;
}

void Environment::close_shared_cache() {
  const auto shared = std::exchange(shared_cache_, nullptr);
  if (shared) ProcessEngine::instance().close_shared_cache(shared);
}

void Environment::tell_lookup(napi_env env, std::initializer_list<napi_value> arguments) {
  if (shared_cache_) call(env, on_lookup_, arguments);
}

void Environment::tell_store(napi_env env, std::initializer_list<napi_value> arguments) {
  if (shared_cache_) call(env, on_store_, arguments);
}

void Environment::tell_flush(napi_env env, std::initializer_list<napi_value> arguments) {
  if (shared_cache_) call(env, on_flush_, arguments);
}

Buffer Environment::scratch(size_t size) {
  const size_t needed = size + kJsonPadding;
  if (scratch_.size() < needed) {
    scratch_ =
        value_or_throw(ProcessEngine::instance().buffers().acquire(std::max(needed, kScratchBytes + kJsonPadding)));
  }
  return scratch_.slice(0, size);
}

uint32_t Environment::add_body(BodyBuffer body) {
  if (free_bodies_.empty()) {
    bodies_.emplace_back();
    free_bodies_.push_back(static_cast<uint32_t>(bodies_.size()));
  }
  const uint32_t handle = free_bodies_.back();
  free_bodies_.pop_back();
  bodies_[handle - 1] = std::move(body);
  return handle;
}

BodyBuffer& Environment::body_at(uint32_t handle) {
  if (handle == 0 || handle > bodies_.size() || !bodies_[handle - 1]) {
    fail(Code::kInvalidArgument, "expected the handle of an open body, got " + std::to_string(handle));
  }
  return *bodies_[handle - 1];
}

BodyBuffer Environment::take_body(uint32_t handle) {
  BodyBuffer body = std::move(body_at(handle));
  bodies_[handle - 1].reset();
  free_bodies_.push_back(handle);
  return body;
}

void Environment::end_turn(napi_env env) {
  completions_->hush();
  turn_.run();
  drain(env);
}

void Environment::drain(napi_env env) noexcept {
  try {
    completions_->take(finished_);
    const size_t unexpected = turn_.take_ended();  // nothing kept the event loop alive for these
    const size_t answered = finished_.records.size() + finished_.predicts.size() + finished_.tasks.size();
    drain_tasks(env, finished_.notices);
    drain_predicts(env);
    drain_records(env);
    drain_tasks(env, finished_.tasks);  // last: what ends a model follows the last of its answers
    completions_->expected(answered - unexpected);
  } catch (const std::exception&) {
    report_pending_exception(env);  // without one the environment is ending, and nobody waits for answers
  }
}

void Environment::drain_tasks(napi_env env, std::vector<CompletionPort::Task>& tasks) {
  for (const auto& task : tasks) {
    try {
      task(env);
    } catch (const std::exception&) {
      report_pending_exception(env);
    }
  }
  tasks.clear();
}

void Environment::drain_predicts(napi_env env) {
  for (auto& request : finished_.predicts) {
    const HandleScope scope(env);
    answer_predict(env, *request);
    completions_->tickets().close(request->ticket);
    completions_->spare_requests().keep(std::move(request));
  }
  finished_.predicts.clear();
}

void Environment::answer_predict(napi_env env, PortRequest& request) {
  Status status = std::move(request.status);
  napi_value values = nullptr;
  if (status.ok()) values = outputs_to_js(env, request, status);
  if (!status.ok()) values = js_string(env, status.message());
  const Timings& timings = request.timings;
  call(env, on_outputs_,
       {js_number(env, request.ticket), js_number(env, static_cast<double>(status.code())), values,
        js_number(env, micros_between(timings.queued, timings.started)),
        js_number(env, micros_between(timings.started, timings.computed))});
}

void Environment::drain_records(napi_env env) {
  const std::vector<CompletionRecord>& records = finished_.records;
  for (size_t begin = 0; begin < records.size(); begin += kRecordsPerCall) {
    const size_t count = std::min<size_t>(records.size() - begin, kRecordsPerCall);
    const HandleScope scope(env);
    for (size_t i = 0; i < count; ++i) slabs_->show(env, records[begin + i]);
    write_records(env, &records[begin], count);
    call(env, on_replies_, {js_number(env, static_cast<double>(count))});
    slabs_->hide(env, {&records[begin], count});
    for (size_t i = 0; i < count; ++i) completions_->tickets().close(records[begin + i][completion::kTicket]);
  }
}

}  // namespace ortserve
