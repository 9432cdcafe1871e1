// SPDX-License-Identifier: Apache-2.0
#include "addon/js_build.h"

#include <cstring>

namespace ortserve {

napi_value js_string(napi_env env, std::string_view text) {
  napi_value value;
  check(napi_create_string_utf8(env, text.data(), text.size(), &value));
  return value;
}

napi_value js_number(napi_env env, double number) {
  napi_value value;
  check(napi_create_double(env, number, &value));
  return value;
}

napi_value js_bool(napi_env env, bool boolean) {
  napi_value value;
  check(napi_get_boolean(env, boolean, &value));
  return value;
}

napi_value js_undefined(napi_env env) {
  napi_value value;
  check(napi_get_undefined(env, &value));
  return value;
}

napi_value js_array(napi_env env, size_t length) {
  napi_value value;
  check(napi_create_array_with_length(env, length, &value));
  return value;
}

napi_value js_floats(napi_env env, std::span<const float> values) {
  void* data = nullptr;
  napi_value buffer;
  napi_value array;
  check(napi_create_arraybuffer(env, values.size_bytes(), &data, &buffer));
  if (!values.empty()) std::memcpy(data, values.data(), values.size_bytes());
  check(napi_create_typedarray(env, napi_float32_array, values.size(), buffer, 0, &array));
  return array;
}

void set_element(napi_env env, napi_value array, size_t index, napi_value value) {
  check(napi_set_element(env, array, static_cast<uint32_t>(index), value));
}

napi_value js_function(napi_env env, const char* name, napi_callback callback, void* data) {
  napi_value value;
  check(napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &value));
  return value;
}

}  // namespace ortserve
