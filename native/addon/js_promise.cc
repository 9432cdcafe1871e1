// SPDX-License-Identifier: Apache-2.0
#include "addon/js_promise.h"

#include <utility>

namespace ortserve {

namespace {

void settle(napi_env env, napi_deferred deferred, const JsPromise::Outcome& outcome) {
  napi_value value = nullptr;
  try {
    value = outcome(env);
  } catch (const StatusError& error) {
    check(napi_reject_deferred(env, deferred, make_error(env, error.status())));
    return;
  }
  check(napi_resolve_deferred(env, deferred, value));
}

}  // namespace

JsPromise::JsPromise(napi_env env, std::shared_ptr<CompletionPort> completions) : completions_(std::move(completions)) {
  check(napi_create_promise(env, &deferred_, &promise_));
  completions_->expect();
}

std::function<void(JsPromise::Outcome)> JsPromise::settler() const {
  return [completions = completions_, deferred = deferred_](Outcome outcome) {
    completions->post([deferred, outcome = std::move(outcome)](napi_env env) { settle(env, deferred, outcome); });
  };
}

}  // namespace ortserve
