// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <utility>

#include "addon/attachments.h"
#include "addon/environment.h"
#include "addon/histogram_object.h"
#include "addon/js_build.h"
#include "addon/js_read.h"
#include "addon/js_tensor.h"
#include "addon/port_calls.h"
#include "addon/process_engine.h"
#include "addon/request_ticket.h"
#include "core/codec/input_check.h"

namespace ortserve {

namespace {

/// A loop that calls predict() and never lets JavaScript read the results must not fill the memory with them.
constexpr uint32_t kMaxUnanswered = 1u << 16;
constexpr uint64_t kMaxUnreadBytes = 1ull << 30;

void admit(const CompletionPort& completions, uint32_t unanswered) {
  if (unanswered < kMaxUnanswered && completions.unread_bytes() < kMaxUnreadBytes) return;
  fail(Code::kQueueFull, std::to_string(unanswered) + " predictions of this thread are unanswered, and " +
                             std::to_string(completions.unread_bytes()) +
                             " bytes of their results are unread: await some before starting more");
}

void read_inputs(napi_env env, napi_value inputs, TensorSource& source, PortRequest& request) {
  const ModelSpec& spec = request.model->spec();
  const uint32_t count = read_length(env, inputs, "inputs");
  if (count != spec.inputs.size()) {
    fail(Code::kInvalidInput, "expected " + std::to_string(spec.inputs.size()) + " inputs for model '" + spec.name +
                                  "', got " + std::to_string(count));
  }
  request.inputs.resize(count);
  request.present.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    const napi_value value = read_element(env, inputs, i);
    if (!is_undefined(env, value)) {
      request.inputs[i] = tensor_from_js(env, value, spec.inputs[i], source);
      request.present[i] = true;
    } else if (!spec.inputs[i].optional) {
      fail(Code::kInvalidInput, "missing input '" + spec.inputs[i].name + "'");
    }
  }
  request.copied.in = source.copied;
  if (Status status = finish_inputs(spec, request); !status.ok()) fail(std::move(status));
}

void read_wanted(napi_env env, napi_value wanted, PortRequest& request) {
  const auto outputs = static_cast<int64_t>(request.model->spec().outputs.size());
  const uint32_t count = read_length(env, wanted, "wanted");
  for (uint32_t i = 0; i < count; ++i) {
    const int64_t index = read_integer(env, read_element(env, wanted, i), "wanted", 0, outputs - 1);
    request.wanted.push_back(static_cast<uint16_t>(index));
  }
}

void read_histograms(napi_env env, napi_value histograms, PortRequest& request) {
  const uint32_t count = read_length(env, histograms, "histograms");
  if (count != request.wanted.size() || count == 0) {
    fail(Code::kInvalidArgument, "expected a histogram for each of " + std::to_string(request.wanted.size()) +
                                     " wanted outputs, got " + std::to_string(count));
  }
  for (uint32_t i = 0; i < count; ++i) {
    request.histograms.push_back(histogram_from_js(env, read_element(env, histograms, i)));
  }
  request.cache_use = CacheUse::kBypass;  // a result from the cache would not be counted
}

/// Closes the ticket again unless the request got away.
class TicketGuard {
 public:
  TicketGuard(TicketTable& tickets, uint32_t ticket) : tickets_(tickets), ticket_(ticket) {}
  ~TicketGuard() {
    if (!kept_) tickets_.close(ticket_);
  }
  void keep() noexcept { kept_ = true; }

 private:
  TicketTable& tickets_;
  const uint32_t ticket_;
  bool kept_ = false;
};

}  // namespace

napi_value call_predict(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<7> arguments(env, info);
    Environment& environment = *Environment::of(arguments.data);
    environment.begin_call(env);
    CompletionPort& completions = environment.completions();
    const auto& model = environment.model_at(env, arguments[0]).model;
    const bool lend = read_bool(env, arguments[3], "lend");
    const TimePoint received = Clock::now();
    const TimePoint deadline = deadline_after(received, read_amount(env, arguments[4], "timeoutMicros"));
    admit(completions, completions.tickets().open_count());

    std::unique_ptr<PortRequest> request = ticketed_request(environment, model, received, deadline);
    const uint32_t ticket = request->ticket;
    TicketGuard guard(completions.tickets(), ticket);
    request->embedded = true;
    request->cache_use = read_cache_use(env, arguments[5]);
    read_wanted(env, arguments[2], *request);
    if (!is_undefined(env, arguments[6])) read_histograms(env, arguments[6], *request);
    const std::shared_ptr<BufferPool> pool = model->input_pool();
    TensorSource source{*pool, lend, request->lent_values};
    read_inputs(env, arguments[1], source, *request);
    request->lent = !request->lent_values.empty();

    if (request->lent) completions.lend();
    const bool lent = request->lent;
    std::unique_ptr<Request> queued = std::move(request);
    const uint64_t waiting = environment.turn().added();
    if (Status status = model->submit(queued, &environment.turn()); !status.ok()) {
      if (lent) completions.take_back();
      fail(std::move(status));
    }
    guard.keep();
    if (environment.turn().added() > waiting) {
      completions.hush();
      return js_number(env, -static_cast<double>(ticket));
    }
    completions.expect();
    return js_number(env, ticket);
  });
}

napi_value call_predict_prepared(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<7> arguments(env, info);
    Environment& environment = *Environment::of(arguments.data);
    environment.begin_call(env);
    CompletionPort& completions = environment.completions();
    const auto& model = environment.model_at(env, arguments[0]).model;
    const TimePoint received = Clock::now();
    const TimePoint deadline = deadline_after(received, read_amount(env, arguments[5], "timeoutMicros"));
    admit(completions, completions.tickets().open_count());
    const std::string json = read_string(env, arguments[1], "json");
    PreparedBody body = prepare_body(env, std::as_bytes(std::span(json)), arguments[2], arguments[3]);

    std::unique_ptr<PortRequest> request = ticketed_request(environment, model, received, deadline);
    const uint32_t ticket = request->ticket;
    TicketGuard guard(completions.tickets(), ticket);
    request->embedded = true;
    request->format = WireFormat::kPredict;
    request->cache_use = read_cache_use(env, arguments[6]);
    read_wanted(env, arguments[4], *request);
    guard.keep();  // from here on the answer closes it
    decode_prepared(std::move(request), std::move(body));
    completions.expect();
    return js_number(env, ticket);
  });
}

napi_value call_cancel(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<1> arguments(env, info);
    const int64_t ticket = read_integer(env, arguments[0], "ticket", 0, UINT32_MAX);
    Environment::of(arguments.data)->completions().tickets().cancel(static_cast<uint32_t>(ticket));
    return js_undefined(env);
  });
}

}  // namespace ortserve
