// SPDX-License-Identifier: Apache-2.0
#include "addon/errors.h"

#include <new>

namespace ortserve {

void fail(Status status) {
  throw StatusError(std::move(status));
}

void fail(Code code, std::string message) {
  throw StatusError(Status(code, std::move(message)));
}

napi_value make_error(napi_env env, const Status& status) {
  const std::string_view name = code_name(status.code());
  napi_value code;
  napi_value message;
  napi_value error;
  check(napi_create_string_utf8(env, name.data(), name.size(), &code));
  check(napi_create_string_utf8(env, status.message().data(), status.message().size(), &message));
  check(napi_create_error(env, code, message, &error));
  return error;
}

namespace {

void raise(napi_env env, const Status& status) noexcept {
  try {
    napi_throw(env, make_error(env, status));
  } catch (const NapiFailure&) {
    // The environment is ending: nobody is left to be told.
  }
}

}  // namespace

void throw_current_to_js(napi_env env) noexcept {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) return;  // JavaScript's own exception says more
  try {
    throw;
  } catch (const StatusError& error) {
    raise(env, error.status());
  } catch (const std::bad_alloc&) {
    raise(env, Status(Code::kOutOfMemory, "out of memory"));
  } catch (const std::exception& error) {
    raise(env, Status(Code::kInternal, error.what()));
  } catch (...) {
    raise(env, Status(Code::kInternal, "an unknown exception"));
  }
}

void report_pending_exception(napi_env env) noexcept {
  bool pending = false;
  napi_value error = nullptr;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

}  // namespace ortserve
