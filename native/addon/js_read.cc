// SPDX-License-Identifier: Apache-2.0
#include "addon/js_read.h"

#include <cmath>

namespace ortserve {

namespace {

const char* type_name(napi_valuetype type) {
  switch (type) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return "a boolean";
    case napi_number:
      return "a number";
    case napi_string:
      return "a string";
    case napi_bigint:
      return "a bigint";
    case napi_function:
      return "a function";
    default:
      return "an object";
  }
}

napi_valuetype type_of(napi_env env, napi_value value) {
  napi_valuetype type;
  check(napi_typeof(env, value, &type));
  return type;
}

[[noreturn]] void mismatch(napi_env env, napi_value value, const char* what, const std::string& expected) {
  fail(Code::kInvalidArgument, "expected " + expected + " for " + what + ", got " + type_name(type_of(env, value)));
}

void require_object(napi_env env, napi_value value, const char* what) {
  if (type_of(env, value) != napi_object) mismatch(env, value, what, "an object");
}

}  // namespace

bool is_undefined(napi_env env, napi_value value) {
  return type_of(env, value) == napi_undefined;
}

bool read_bool(napi_env env, napi_value value, const char* what) {
  bool result;
  if (napi_get_value_bool(env, value, &result) != napi_ok) mismatch(env, value, what, "a boolean");
  return result;
}

double read_number(napi_env env, napi_value value, const char* what) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) mismatch(env, value, what, "a number");
  return number;
}

int64_t read_integer(napi_env env, napi_value value, const char* what, int64_t low, int64_t high) {
  const double number = read_number(env, value, what);
  if (number >= static_cast<double>(low) && number <= static_cast<double>(high) && std::trunc(number) == number) {
    return static_cast<int64_t>(number);
  }
  fail(Code::kInvalidArgument, "expected an integer from " + std::to_string(low) + " to " + std::to_string(high) +
                                   " for " + what + ", got " + std::to_string(number));
}

int64_t read_amount(napi_env env, napi_value value, const char* what) {
  const double number = read_number(env, value, what);
  if (!(number >= 0)) {
    fail(Code::kInvalidArgument, "expected a number >= 0 for " + std::string(what) + ", got " + std::to_string(number));
  }
  return number >= 9.2e18 ? INT64_MAX : static_cast<int64_t>(number);
}

std::string read_string(napi_env env, napi_value value, const char* what) {
  size_t size = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &size) != napi_ok) mismatch(env, value, what, "a string");
  std::string text(size, '\0');
  check(napi_get_value_string_utf8(env, value, text.data(), size + 1, &size));
  return text;
}

std::span<const float> view_floats(napi_env env, napi_value value, const char* what) {
  napi_typedarray_type type;
  size_t count = 0;
  void* data = nullptr;
  napi_value buffer;
  size_t offset;
  if (napi_get_typedarray_info(env, value, &type, &count, &data, &buffer, &offset) != napi_ok ||
      type != napi_float32_array) {
    mismatch(env, value, what, "a Float32Array");
  }
  if (data == nullptr) return {};  // empty or detached
  return {static_cast<const float*>(data), count};
}

std::vector<float> read_floats(napi_env env, napi_value value, const char* what) {
  const auto values = view_floats(env, value, what);
  return {values.begin(), values.end()};
}

std::span<std::byte> read_array_buffer(napi_env env, napi_value value, const char* what) {
  void* data = nullptr;
  size_t size = 0;
  if (napi_get_arraybuffer_info(env, value, &data, &size) != napi_ok) mismatch(env, value, what, "an ArrayBuffer");
  bool detached = false;
  if (data == nullptr) check(napi_is_detached_arraybuffer(env, value, &detached));
  if (detached)
    fail(Code::kInvalidArgument, "expected an ArrayBuffer for " + std::string(what) + ", got a detached one");
  return {static_cast<std::byte*>(data), size};
}

napi_value read_property(napi_env env, napi_value object, const char* name) {
  napi_value value;
  if (napi_get_named_property(env, object, name, &value) == napi_ok) return value;
  bool pending = false;
  check(napi_is_exception_pending(env, &pending));
  if (pending) throw NapiFailure();
  mismatch(env, object, name, "an object");
}

uint32_t read_length(napi_env env, napi_value array, const char* what) {
  uint32_t length;
  if (napi_get_array_length(env, array, &length) != napi_ok) mismatch(env, array, what, "an array");
  return length;
}

napi_value read_element(napi_env env, napi_value array, uint32_t index) {
  napi_value value;
  check(napi_get_element(env, array, index, &value));
  return value;
}

std::vector<std::pair<std::string, napi_value>> read_entries(napi_env env, napi_value object, const char* what) {
  require_object(env, object, what);
  napi_value names;
  check(napi_get_property_names(env, object, &names));
  std::vector<std::pair<std::string, napi_value>> entries;
  const uint32_t count = read_length(env, names, what);
  for (uint32_t i = 0; i < count; ++i) {
    const napi_value name = read_element(env, names, i);
    napi_value value;
    check(napi_get_property(env, object, name, &value));
    entries.emplace_back(read_string(env, name, what), value);
  }
  return entries;
}

std::map<std::string, std::string> read_string_map(napi_env env, napi_value object, const char* what) {
  std::map<std::string, std::string> strings;
  for (const auto& [name, value] : read_entries(env, object, what))
    strings[name] = read_string(env, value, name.c_str());
  return strings;
}

}  // namespace ortserve
