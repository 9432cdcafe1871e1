// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "addon/attachments.h"
#include "addon/environment.h"
#include "addon/js_build.h"
#include "addon/js_read.h"
#include "addon/port_calls.h"
#include "addon/process_engine.h"
#include "addon/request_ticket.h"
#include "addon/wire_decode.h"

namespace ortserve {

namespace {

/// Bodies up to these sizes are decoded on the JavaScript thread: less work than a thread hop, at most about 100 us.
constexpr size_t kDecodeHereJson = 64 << 10;
constexpr size_t kDecodeHereBinary = 1 << 20;

// How a request is to be read, in one number: `wireFlags` of src/native/binding.ts.
constexpr int64_t kFramedFlag = 1;
constexpr int64_t kCacheUseShift = 1;  // two bits
constexpr int64_t kFormatShift = 3;
constexpr int64_t kMostFlags = (static_cast<int64_t>(WireFormat::kGenerate) + 1) << kFormatShift;

constexpr double kFirstPlace = 4294967296.0;  // `firstPlace` of src/native/binding.ts: above every ticket

struct WireCall {
  const ModelHandle& handle;
  const std::shared_ptr<LoadedModel>& model = handle.model;
  WireFormat format;
  bool framed;
  std::optional<size_t> json_size;
  TimePoint received;
  TimePoint deadline;
  CacheUse cache_use;
};

WireCall read_call(napi_env env, const Environment& environment, napi_value model, napi_value flags,
                   napi_value json_size, napi_value timeout) {
  WireCall call{.handle = environment.model_at(env, model)};
  const int64_t bits = read_integer(env, flags, "flags", 0, kMostFlags - 1);
  call.format = static_cast<WireFormat>(bits >> kFormatShift);
  call.framed = bits & kFramedFlag;
  call.cache_use = static_cast<CacheUse>(bits >> kCacheUseShift & 3);
  if (call.cache_use > CacheUse::kBypass) fail(Code::kInvalidArgument, "expected a cache use from 0 to 2, got 3");
  const int64_t size = read_integer(env, json_size, "jsonSize", -1, INT64_C(1) << 53);
  if (size >= 0) call.json_size = static_cast<size_t>(size);
  call.received = Clock::now();
  call.deadline = deadline_after(call.received, read_amount(env, timeout, "timeoutMicros"));
  return call;
}

bool decodes_here(const WireCall& call, size_t size) {
  if (!call.json_size) return size <= kDecodeHereJson;
  return *call.json_size <= kDecodeHereJson && size <= kDecodeHereBinary;
}

std::unique_ptr<PortRequest> new_request(Environment& environment, WireCall& call, size_t size) {
  auto request = ticketed_request(environment, call.model, call.received, call.deadline);
  request->format = call.format;
  request->framed = call.framed;
  request->cache_use = call.cache_use;
  // The copy that brings the body in: of JSON it is counted here, of a binary body by the decoder, blob by blob.
  if (!call.json_size) request->copied.in = size;
  return request;
}

Status decode(PortRequest& request, const Buffer& body, std::optional<size_t> json_size, SeenHeader* seen) noexcept {
  if (request.is_cancelled()) return {Code::kCancelled, "the request was cancelled before it was decoded"};
  try {
    const std::shared_ptr<BufferPool> pool = request.model->input_pool();
    return decode_request(request.model->spec(), body, json_size, DecodeLimits{}, *pool, request,
                          &ProcessEngine::instance().regions(), seen);
  } catch (const std::bad_alloc&) {
    return {Code::kOutOfMemory, "out of memory while the body was decoded"};
  }
}

}  // namespace

// Always ends with an answer, from the model or at once.
void decode_and_queue(std::unique_ptr<PortRequest> request, const Buffer& body, std::optional<size_t> json_size,
                      TurnBatch* turn, SeenHeader* seen) {
  LoadedModel& model = *request->model;  // held by the request, which it is submitted with
  Status status = decode(*request, body, json_size, seen);
  std::unique_ptr<Request> queued = std::move(request);
  if (status.ok()) status = model.submit(queued, turn);
  if (status.ok()) return;
  queued->status = std::move(status);
  ResultSink* const sink = queued->sink;
  sink->prepare(*queued);
  sink->deliver(std::move(queued));
}

// std::function copies its callable, so what can only be moved goes behind a shared pointer.
void decode_on_worker(std::unique_ptr<PortRequest> request, Buffer body, std::optional<size_t> json_size) {
  struct Job {
    std::unique_ptr<PortRequest> request;
    Buffer body;
    std::optional<size_t> json_size;
  };
  auto job = std::make_shared<Job>(Job{std::move(request), std::move(body), json_size});
  ProcessEngine::instance().post([job] {
    const std::shared_ptr<LoadedModel> model = job->request->model;
    job->request->timings.decoding = Clock::now();
    decode_and_queue(std::move(job->request), job->body, job->json_size);
    model->end_decode();
  });
}

namespace {

// The ticket of what was submitted; or 0 when it was answered within the call, which record 0 then shows. The reply to
// `question` is kept where it is worth it; nullptr: where the body does not lie in one piece.
napi_value ticket_or_answer(napi_env env, Environment& environment, uint32_t ticket,
                            const SeenBodies::Question* question) {
  CompletionPort& completions = environment.completions();
  auto answer = completions.finish_submit();
  if (!answer) {
    completions.expect();
    return js_number(env, ticket);
  }
  if (question && answer->repeatable) {
    const auto place = environment.seen_bodies().learn(*question, *answer->repeatable);
    if (place) answer->record[completion::kPlace] = static_cast<uint32_t>(*place) + 1;
  }
  environment.answer_now(env, answer->record);
  return js_number(env, 0);
}

// The place of the reply, when this very body was answered by a result that is still in the cache.
std::optional<size_t> answer_again(Environment& environment, const WireCall& call,
                                   const SeenBodies::Question& question) {
  if (!call.model->is_cached() || call.cache_use != CacheUse::kUse) return std::nullopt;
  const SeenBodies::Answer* const seen = environment.seen_bodies().find(question);
  if (!seen) return std::nullopt;
  if (call.model->answer_again(seen->result, call.received)) return seen->place;
  environment.seen_bodies().forget(seen->place);
  return std::nullopt;
}

// As ticket_or_answer(), or the negated ticket when the answer comes with end_turn().
napi_value submit(napi_env env, Environment& environment, std::unique_ptr<PortRequest> request, Buffer body,
                  const WireCall& call, const SeenBodies::Question* question = nullptr) {
  CompletionPort& completions = environment.completions();
  const uint32_t ticket = request->ticket;
  completions.begin_submit(ticket);
  if (decodes_here(call, body.size()) || !call.model->begin_decode()) {
    const uint64_t waiting = environment.turn().added();
    decode_and_queue(std::move(request), body, call.json_size, &environment.turn(), &call.handle.seen);
    if (environment.turn().added() > waiting) {
      completions.finish_submit();
      completions.hush();
      return js_number(env, -static_cast<double>(ticket));
    }
  } else {
    decode_on_worker(std::move(request), std::move(body), call.json_size);
  }
  return ticket_or_answer(env, environment, ticket, question);
}

Buffer copy_body(Environment& environment, const WireCall& call, std::span<const std::byte> bytes) {
  if (!call.json_size && decodes_here(call, bytes.size())) {
    const Buffer body = environment.scratch(bytes.size());
    if (!bytes.empty()) std::memcpy(body.data(), bytes.data(), bytes.size());
    return body;
  }
  BodyBuffer body = value_or_throw(
      BodyBuffer::create(ProcessEngine::instance().buffers(), bytes.size(), call.json_size.value_or(0), bytes.size()));
  if (Status status = body.append(bytes); !status.ok()) fail(std::move(status));
  return body.take();
}

std::span<const std::byte> read_range(napi_env env, napi_value buffer, napi_value offset, napi_value length) {
  const std::span<const std::byte> bytes = read_array_buffer(env, buffer, "body");
  const auto size = static_cast<int64_t>(bytes.size());
  const int64_t begin = read_integer(env, offset, "offset", 0, size);
  const int64_t count = read_integer(env, length, "length", 0, size - begin);
  return bytes.subspan(static_cast<size_t>(begin), static_cast<size_t>(count));
}

uint32_t read_handle(napi_env env, napi_value value) {
  return static_cast<uint32_t>(read_integer(env, value, "body", 0, UINT32_MAX));
}

}  // namespace

napi_value call_submit(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<7> arguments(env, info);
    Environment& environment = *Environment::of(arguments.data);
    environment.begin_call(env);
    WireCall call = read_call(env, environment, arguments[0], arguments[1], arguments[2], arguments[6]);
    const auto bytes = read_range(env, arguments[3], arguments[4], arguments[5]);
    const SeenBodies::Question question{call.model->id(), call.format, call.framed, call.json_size, bytes};
    if (const auto place = answer_again(environment, call, question)) {
      return js_number(env, kFirstPlace + static_cast<double>(*place));
    }
    Buffer body = copy_body(environment, call, bytes);
    auto request = new_request(environment, call, bytes.size());
    return submit(env, environment, std::move(request), std::move(body), call, &question);
  });
}

napi_value call_open_body(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<3> arguments(env, info);
    const auto expected = static_cast<size_t>(read_amount(env, arguments[0], "expectedSize"));
    const int64_t json_size = read_integer(env, arguments[1], "jsonSize", -1, INT64_C(1) << 53);
    const auto max_size = static_cast<size_t>(read_amount(env, arguments[2], "maxSize"));
    BodyBuffer body = value_or_throw(BodyBuffer::create(
        ProcessEngine::instance().buffers(), expected, static_cast<size_t>(std::max<int64_t>(json_size, 0)), max_size));
    return js_number(env, Environment::of(arguments.data)->add_body(std::move(body)));
  });
}

napi_value call_append_body(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<2> arguments(env, info);
    BodyBuffer& body = Environment::of(arguments.data)->body_at(read_handle(env, arguments[0]));
    const Status status = body.append(read_array_buffer(env, arguments[1], "chunk"));
    return js_number(env, static_cast<double>(status.code()));
  });
}

napi_value call_discard_body(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<1> arguments(env, info);
    Environment::of(arguments.data)->take_body(read_handle(env, arguments[0]));
    return js_undefined(env);
  });
}

napi_value call_keep(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<1> arguments(env, info);
    const int64_t place = read_integer(env, arguments[0], "place", 0, SeenBodies::kPlaces - 1);
    Environment::of(arguments.data)->seen_bodies().confirm(static_cast<size_t>(place));
    return js_undefined(env);
  });
}

napi_value call_end_turn(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    void* data = nullptr;
    check(napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data));
    Environment::of(data)->end_turn(env);
    return js_undefined(env);
  });
}

napi_value call_submit_body(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<5> arguments(env, info);
    Environment& environment = *Environment::of(arguments.data);
    environment.begin_call(env);
    WireCall call = read_call(env, environment, arguments[0], arguments[1], arguments[2], arguments[4]);
    Buffer body = environment.take_body(read_handle(env, arguments[3])).take();
    auto request = new_request(environment, call, body.size());
    return submit(env, environment, std::move(request), std::move(body), call);
  });
}

napi_value call_submit_prepared(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<8> arguments(env, info);
    Environment& environment = *Environment::of(arguments.data);
    environment.begin_call(env);
    WireCall call = read_call(env, environment, arguments[0], arguments[1], js_number(env, -1), arguments[7]);
    const auto json = read_range(env, arguments[2], arguments[3], arguments[4]);
    PreparedBody body = prepare_body(env, json, arguments[5], arguments[6]);
    auto request = new_request(environment, call, json.size());
    const uint32_t ticket = request->ticket;
    environment.completions().begin_submit(ticket);
    decode_prepared(std::move(request), std::move(body));
    return ticket_or_answer(env, environment, ticket, nullptr);
  });
}

}  // namespace ortserve
