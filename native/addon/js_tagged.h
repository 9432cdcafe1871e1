// SPDX-License-Identifier: Apache-2.0
// JavaScript objects that own something of the core, told from all others by a tag.
#pragma once

#include <node_api.h>

#include <memory>
#include <string>
#include <utility>

#include "addon/errors.h"

namespace ortserve {

/// Gives `object` a `value`, which goes when the object is collected.
template <typename T>
void tag_object(napi_env env, napi_value object, const napi_type_tag& tag, T value) {
  auto held = std::make_unique<T>(std::move(value));
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<T*>(data); };
  check(napi_type_tag_object(env, object, &tag));
  check(napi_wrap(env, object, held.get(), finalize, nullptr, nullptr));
  held.release();  // the finalizer's now
}

/// What tag_object() gave it. kInvalidArgument: it is no object with this tag; `what` says what was expected.
template <typename T>
T& tagged(napi_env env, napi_value object, const napi_type_tag& tag, const char* what) {
  bool ours = false;
  if (napi_check_object_type_tag(env, object, &tag, &ours) != napi_ok || !ours) {
    fail(Code::kInvalidArgument, std::string("expected ") + what);
  }
  void* held = nullptr;
  check(napi_unwrap(env, object, &held));
  return *static_cast<T*>(held);
}

}  // namespace ortserve
