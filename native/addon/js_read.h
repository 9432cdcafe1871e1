// SPDX-License-Identifier: Apache-2.0
// Reading JavaScript values with checks. Every function throws StatusError(kInvalidArgument) naming `what` when the
// value is not what it should be.
#pragma once

#include <node_api.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "addon/errors.h"

namespace ortserve {

/// The arguments of a call, and the pointer its function was made with.
template <size_t N>
struct CallArguments {
  CallArguments(napi_env env, napi_callback_info info) {
    size_t given = N;
    check(napi_get_cb_info(env, info, &given, values.data(), nullptr, &data));
    if (given < N) {
      fail(Code::kInvalidArgument, "expected " + std::to_string(N) + " arguments, got " + std::to_string(given));
    }
  }
  napi_value operator[](size_t i) const { return values[i]; }

  std::array<napi_value, N> values{};
  void* data = nullptr;
};

bool is_undefined(napi_env env, napi_value value);
bool read_bool(napi_env env, napi_value value, const char* what);
double read_number(napi_env env, napi_value value, const char* what);
/// A whole number in [low, high]; both within +-2^53.
int64_t read_integer(napi_env env, napi_value value, const char* what, int64_t low, int64_t high);
/// Any non-negative number, rounded down and clamped to 2^63 - 1.
int64_t read_amount(napi_env env, napi_value value, const char* what);
std::string read_string(napi_env env, napi_value value, const char* what);
/// A Float32Array, which may be of shared memory; empty when it is detached. Valid until JavaScript runs again.
std::span<const float> view_floats(napi_env env, napi_value value, const char* what);
/// A copy of it.
std::vector<float> read_floats(napi_env env, napi_value value, const char* what);
/// The bytes of an ArrayBuffer that is not detached. Valid until JavaScript runs again.
std::span<std::byte> read_array_buffer(napi_env env, napi_value value, const char* what);

/// Property `name` of an object.
napi_value read_property(napi_env env, napi_value object, const char* name);
uint32_t read_length(napi_env env, napi_value array, const char* what);
napi_value read_element(napi_env env, napi_value array, uint32_t index);
/// Keys and values of a plain object.
std::vector<std::pair<std::string, napi_value>> read_entries(napi_env env, napi_value object, const char* what);
std::map<std::string, std::string> read_string_map(napi_env env, napi_value object, const char* what);

}  // namespace ortserve
