// SPDX-License-Identifier: Apache-2.0
#include "addon/shared_memory_calls.h"

#include "addon/js_build.h"
#include "addon/js_read.h"
#include "addon/process_engine.h"

namespace ortserve {

namespace {

SharedRegions& regions() {
  return ProcessEngine::instance().regions();
}

napi_value call_add(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<4> arguments(env, info);
    RegionSpec spec;
    spec.name = read_string(env, arguments[0], "name");
    spec.key = read_string(env, arguments[1], "key");
    spec.offset = static_cast<uint64_t>(read_amount(env, arguments[2], "offset"));
    spec.byte_size = static_cast<uint64_t>(read_amount(env, arguments[3], "byteSize"));
    if (Status status = regions().add(spec); !status.ok()) fail(std::move(status));
    return js_undefined(env);
  });
}

napi_value call_remove(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<1> arguments(env, info);
    return js_bool(env, regions().remove(read_string(env, arguments[0], "name")));
  });
}

napi_value call_clear(napi_env env, napi_callback_info) {
  return entry(env, [&] {
    regions().clear();
    return js_undefined(env);
  });
}

napi_value call_list(napi_env env, napi_callback_info) {
  return entry(env, [&] {
    return js_array_of(env, regions().list(), [env](const RegionSpec& spec) {
      return JsObject(env)
          .set("name", spec.name)
          .set("key", spec.key)
          .set_count("offset", spec.offset)
          .set_count("byteSize", spec.byte_size)
          .value();
    });
  });
}

}  // namespace

napi_value make_shared_memory_object(napi_env env) {
  return JsObject(env)
      .set_method("add", call_add, nullptr)
      .set_method("remove", call_remove, nullptr)
      .set_method("clear", call_clear, nullptr)
      .set_method("list", call_list, nullptr)
      .value();
}

}  // namespace ortserve
