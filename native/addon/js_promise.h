// SPDX-License-Identifier: Apache-2.0
// A promise that a native thread settles.
#pragma once

#include <node_api.h>

#include <functional>
#include <memory>

#include "addon/completion_port.h"

namespace ortserve {

/// While the promise is open the event loop stays alive. Made on the JS thread.
class JsPromise {
 public:
  /// Runs on the JS thread: its value resolves the promise, its StatusError rejects it.
  using Outcome = std::function<napi_value(napi_env)>;

  JsPromise(napi_env env, std::shared_ptr<CompletionPort> completions);

  napi_value value() const noexcept { return promise_; }
  /// What settles it. Call it once, on any thread.
  std::function<void(Outcome)> settler() const;

 private:
  std::shared_ptr<CompletionPort> completions_;
  napi_deferred deferred_ = nullptr;
  napi_value promise_ = nullptr;
};

}  // namespace ortserve
