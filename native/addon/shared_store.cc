// SPDX-License-Identifier: Apache-2.0
#include "addon/shared_store.h"

#include <cstring>
#include <utility>

#include "addon/js_build.h"

namespace ortserve {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

std::string name_of(const SharedKey& key) {
  return shared_name(key.model) + ':' + shared_name(key.request);
}

napi_value bytes_to_js(napi_env env, std::span<const std::byte> bytes) {
  void* data = nullptr;
  napi_value buffer;
  check(napi_create_arraybuffer(env, bytes.size(), &data, &buffer));
  if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
  return buffer;
}

double micros(Nanoseconds time) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

// A notice has no scope of its own for the values it makes.
template <typename F>
CompletionPort::Task scoped(F body) {
  return [body = std::move(body)](napi_env env) {
    napi_handle_scope scope;
    check(napi_open_handle_scope(env, &scope));
    body(env);
    napi_close_handle_scope(env, scope);
  };
}

}  // namespace

std::string shared_name(const CacheKey& key) {
  std::string name;
  for (const uint64_t half : {key.high, key.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) name += kDigits[(half >> shift) & 15];
  }
  return name;
}

Result<CacheKey> shared_key_of(const std::string& name) {
  CacheKey key;
  bool valid = name.size() == 32;
  for (size_t i = 0; valid && i < name.size(); ++i) {
    const size_t digit = kDigits.find(name[i]);
    valid = digit != std::string_view::npos;
    uint64_t& half = i < 16 ? key.high : key.low;
    half = half << 4 | digit;
  }
  if (!valid) return {Code::kInvalidArgument, "expected a digest of 32 hexadecimal digits, got '" + name + "'"};
  return key;
}

SharedStore::SharedStore(Environment& environment)
    : environment_(&environment), completions_(environment.shared_completions()) {}

void SharedStore::lookup(uint64_t ticket, const SharedKey& key, bool wants_ttl) noexcept {
  completions_->notify(scoped([environment = environment_, ticket, key, wants_ttl](napi_env env) {
    environment->tell_lookup(
        env, {js_number(env, static_cast<double>(ticket)), js_string(env, name_of(key)), js_bool(env, wants_ttl)});
  }));
}

void SharedStore::store(uint64_t ticket, const SharedKey& key, std::vector<std::byte> value, uint64_t generation,
                        Nanoseconds ttl) noexcept {
  completions_->notify(
      scoped([environment = environment_, ticket, key, value = std::move(value), generation, ttl](napi_env env) {
        environment->tell_store(
            env, {js_number(env, static_cast<double>(ticket)), js_string(env, name_of(key)), bytes_to_js(env, value),
                  js_number(env, static_cast<double>(generation)), js_number(env, micros(ttl))});
      }));
}

void SharedStore::flush(const CacheKey& model) noexcept {
  completions_->notify(scoped([environment = environment_, model](napi_env env) {
    environment->tell_flush(env, {js_string(env, shared_name(model))});
  }));
}

}  // namespace ortserve
