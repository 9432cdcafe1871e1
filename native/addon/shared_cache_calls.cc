// SPDX-License-Identifier: Apache-2.0
#include "addon/shared_cache_calls.h"

#include <algorithm>

#include "addon/js_build.h"
#include "addon/js_read.h"
#include "addon/process_engine.h"
#include "addon/shared_store.h"

namespace ortserve {

namespace {

constexpr int64_t kMostMicros = INT64_C(366) * 24 * 3600 * 1'000'000;
constexpr int64_t kMostTicket = INT64_C(1) << 53;

Nanoseconds read_micros(napi_env env, napi_value value, const char* what) {
  return std::chrono::microseconds(std::min(read_amount(env, value, what), kMostMicros));
}

uint64_t read_ticket(napi_env env, napi_value value) {
  return static_cast<uint64_t>(read_integer(env, value, "ticket", 0, kMostTicket));
}

std::span<const std::byte> read_bytes(napi_env env, napi_value array) {
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    fail(Code::kInvalidArgument, "expected a Uint8Array as 'value'");
  }
  return {static_cast<const std::byte*>(data), length};
}

template <typename F>
napi_value with_shared_cache(napi_env env, napi_callback_info info, F&& body) {
  return entry(env, [&] {
    const CallArguments<0> none(env, info);
    return body(*Environment::of(none.data));
  });
}

}  // namespace

napi_value call_open_shared_cache(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<5> arguments(env, info);
    if (!ProcessEngine::instance().running()) fail(Code::kInvalidArgument, "the engine was not started");
    const std::string secret = read_string(env, arguments[0], "secret");
    const SharedCache::Options options{.budget = read_micros(env, arguments[1], "budgetMicros")};
    Environment& environment = *Environment::of(arguments.data);
    const auto shared = std::make_shared<SharedCache>(std::as_bytes(std::span(secret)), options);
    environment.open_shared_cache(env, shared, arguments[2], arguments[3], arguments[4]);
    shared->connect(std::make_shared<SharedStore>(environment));
    return js_undefined(env);
  });
}

napi_value call_close_shared_cache(napi_env env, napi_callback_info info) {
  return with_shared_cache(env, info, [&](Environment& environment) {
    environment.close_shared_cache();
    return js_undefined(env);
  });
}

napi_value call_answer_lookup(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<5> arguments(env, info);
    SharedLookup lookup;
    const bool ok = read_bool(env, arguments[1], "ok");
    lookup.outcome = ok ? SharedLookup::Outcome::kAbsent : SharedLookup::Outcome::kFailed;
    lookup.generation = static_cast<uint64_t>(read_integer(env, arguments[2], "generation", 0, kMostTicket));
    if (ok && !is_undefined(env, arguments[3])) {
      lookup.outcome = SharedLookup::Outcome::kFound;
      lookup.value = read_bytes(env, arguments[3]);
      lookup.ttl = read_micros(env, arguments[4], "ttlMicros");
    }
    Environment::of(arguments.data)->shared_cache().answer(read_ticket(env, arguments[0]), lookup);
    return js_undefined(env);
  });
}

napi_value call_answer_store(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<2> arguments(env, info);
    Environment::of(arguments.data)
        ->shared_cache()
        .stored(read_ticket(env, arguments[0]), read_bool(env, arguments[1], "ok"));
    return js_undefined(env);
  });
}

napi_value call_shared_cache_ready(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<1> arguments(env, info);
    Environment::of(arguments.data)->shared_cache().ready(read_micros(env, arguments[0], "roundTripMicros"));
    return js_undefined(env);
  });
}

napi_value call_shared_cache_down(napi_env env, napi_callback_info info) {
  return with_shared_cache(env, info, [&](Environment& environment) {
    environment.shared_cache().down();
    return js_undefined(env);
  });
}

napi_value call_shared_cache_up(napi_env env, napi_callback_info info) {
  return with_shared_cache(env, info,
                           [&](Environment& environment) { return js_bool(env, environment.shared_cache().is_up()); });
}

napi_value call_flush_shared(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<1> arguments(env, info);
    const std::string digest = read_string(env, arguments[0], "digest");
    ProcessEngine::instance().flush_shared(value_or_throw(shared_key_of(digest)));
    return js_undefined(env);
  });
}

}  // namespace ortserve
