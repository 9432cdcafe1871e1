// SPDX-License-Identifier: Apache-2.0
// A strong reference to a JavaScript value.
#pragma once

#include <node_api.h>

#include <utility>

#include "addon/errors.h"

namespace ortserve {

/// Made, used and destroyed on the thread of its environment.
class JsReference {
 public:
  JsReference() noexcept = default;
  JsReference(napi_env env, napi_value value) : env_(env) { check(napi_create_reference(env, value, 1, &ref_)); }
  JsReference(JsReference&& other) noexcept : env_(other.env_), ref_(std::exchange(other.ref_, nullptr)) {}
  JsReference& operator=(JsReference&& other) noexcept {
    std::swap(env_, other.env_);
    std::swap(ref_, other.ref_);
    return *this;
  }
  ~JsReference() {
    if (ref_ != nullptr) napi_delete_reference(env_, ref_);
  }

  napi_value value() const {
    napi_value value;
    check(napi_get_reference_value(env_, ref_, &value));
    return value;
  }
  explicit operator bool() const noexcept { return ref_ != nullptr; }

 private:
  napi_env env_ = nullptr;
  napi_ref ref_ = nullptr;
};

}  // namespace ortserve
