// SPDX-License-Identifier: Apache-2.0
#include "addon/js_build.h"

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

void set_element(napi_env env, napi_value array, size_t index, napi_value value) {
  check(napi_set_element(env, array, static_cast<uint32_t>(index), value));
}

napi_value js_function(napi_env env, const char* name, napi_callback callback, void* data) {
  napi_value value;
  check(napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &value));
  return value;
}

}  // namespace ortserve
