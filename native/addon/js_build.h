// SPDX-License-Identifier: Apache-2.0
// Making JavaScript values. Every function throws NapiFailure when Node refuses.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "addon/errors.h"

namespace ortserve {

napi_value js_string(napi_env env, std::string_view text);
napi_value js_number(napi_env env, double value);
napi_value js_bool(napi_env env, bool value);
napi_value js_undefined(napi_env env);
napi_value js_array(napi_env env, size_t length);
/// A Float32Array of its own memory.
napi_value js_floats(napi_env env, std::span<const float> values);
void set_element(napi_env env, napi_value array, size_t index, napi_value value);
/// A function that gets `data` through CallArguments.
napi_value js_function(napi_env env, const char* name, napi_callback callback, void* data);

/// Builds a plain object.
class JsObject {
 public:
  explicit JsObject(napi_env env) : env_(env) { check(napi_create_object(env, &object_)); }

  JsObject& set(const char* name, napi_value value) {
    check(napi_set_named_property(env_, object_, name, value));
    return *this;
  }
  JsObject& set(const char* name, std::string_view text) { return set(name, js_string(env_, text)); }
  JsObject& set(const char* name, double number) { return set(name, js_number(env_, number)); }
  JsObject& set_count(const char* name, uint64_t count) { return set(name, static_cast<double>(count)); }
  JsObject& set_bool(const char* name, bool value) { return set(name, js_bool(env_, value)); }
  JsObject& set_method(const char* name, napi_callback callback, void* data) {
    return set(name, js_function(env_, name, callback, data));
  }
  napi_value value() const noexcept { return object_; }

 private:
  napi_env env_;
  napi_value object_;
};

/// An array with one value per element of `items`.
template <typename Items, typename Convert>
napi_value js_array_of(napi_env env, const Items& items, Convert&& convert) {
  const napi_value array = js_array(env, items.size());
  size_t index = 0;
  for (const auto& item : items) set_element(env, array, index++, convert(item));
  return array;
}

}  // namespace ortserve
