// SPDX-License-Identifier: Apache-2.0
#include "addon/port_object.h"

#include "addon/js_build.h"
#include "addon/port_calls.h"

namespace ortserve {

napi_value make_port_object(napi_env env, Environment* environment, napi_value records, napi_value slabs,
                            napi_value large) {
  return JsObject(env)
      .set("records", records)
      .set("slabs", slabs)
      .set("large", large)
      .set_method("submit", call_submit, environment)
      .set_method("openBody", call_open_body, environment)
      .set_method("appendBody", call_append_body, environment)
      .set_method("discardBody", call_discard_body, environment)
      .set_method("submitBody", call_submit_body, environment)
      .set_method("keep", call_keep, environment)
      .set_method("endTurn", call_end_turn, environment)
      .set_method("submitPrepared", call_submit_prepared, environment)
      .set_method("predict", call_predict, environment)
      .set_method("predictPrepared", call_predict_prepared, environment)
      .set_method("cancel", call_cancel, environment)
      .value();
}

}  // namespace ortserve
