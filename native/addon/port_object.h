// SPDX-License-Identifier: Apache-2.0
// The JavaScript object behind `NativePort` in src/native/binding.ts.
#pragma once

#include <node_api.h>

namespace ortserve {

class Environment;

napi_value make_port_object(napi_env env, Environment* environment, napi_value records, napi_value slabs,
                            napi_value large);

}  // namespace ortserve
