// SPDX-License-Identifier: Apache-2.0
// The JavaScript object behind `NativeHistogram` in src/native/histogram-binding.ts.
#pragma once

#include <node_api.h>

#include <memory>

#include "addon/port_request.h"
#include "core/histogram.h"

namespace ortserve {

/// makeHistogram()
napi_value call_make_histogram(napi_env env, napi_callback_info info);
/// Throws kInvalidArgument for what makeHistogram() has not made.
std::shared_ptr<Histogram> histogram_from_js(napi_env env, napi_value value);

/// Counts the outputs of a run by the request's histograms, on all cores, and puts their sizes in their places; on
/// failure sets its status, kRunFailed with the output's name.
void count_outputs(PortRequest& request) noexcept;

}  // namespace ortserve
