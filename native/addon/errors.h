// SPDX-License-Identifier: Apache-2.0
// How failures become JavaScript errors. Exceptions live inside the addon only and end at entry().
#pragma once

#include <node_api.h>

#include <exception>
#include <string>
#include <utility>

#include "core/status.h"

namespace ortserve {

/// A Status on its way up to entry().
class StatusError final : public std::exception {
 public:
  explicit StatusError(Status status) : status_(std::move(status)) {}
  const Status& status() const noexcept { return status_; }
  const char* what() const noexcept override { return status_.message().c_str(); }

 private:
  Status status_;
};

/// An N-API call that failed: with a JavaScript exception pending, or because the environment is ending.
class NapiFailure final : public std::exception {
 public:
  const char* what() const noexcept override { return "a Node-API call failed"; }
};

[[noreturn]] void fail(Status status);
[[noreturn]] void fail(Code code, std::string message);

/// The value, or StatusError.
template <typename T>
T value_or_throw(Result<T> result) {
  if (!result.ok()) fail(result.take_status());
  return std::move(result).value();
}

/// NapiFailure unless `status` is napi_ok.
inline void check(napi_status status) {
  if (status != napi_ok) throw NapiFailure();
}

/// A JavaScript Error with `message` and `code` ("ERR_...").
napi_value make_error(napi_env env, const Status& status);

/// Makes the exception now being handled the pending JavaScript exception. Call it inside a catch block.
void throw_current_to_js(napi_env env) noexcept;

/// Hands a pending JavaScript exception to Node as an uncaught one, so that the next call can be made.
void report_pending_exception(napi_env env) noexcept;

/// The body of every function JavaScript calls: no C++ exception leaves it.
template <typename Body>
napi_value entry(napi_env env, Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    throw_current_to_js(env);
    return nullptr;
  }
}

}  // namespace ortserve
