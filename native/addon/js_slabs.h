// SPDX-License-Identifier: Apache-2.0
// Shows reply memory to JavaScript: the `slabs` and `large` arrays of the port object.
#pragma once

#include <node_api.h>

#include <span>
#include <vector>

#include "addon/completion_port.h"
#include "addon/js_reference.h"

namespace ortserve {

/// JS thread. A chunk is shown once, as an external ArrayBuffer, and stays shown while it is reused. Where the runtime
/// refuses external memory, JavaScript gets its own copy of each reply instead.
class JsSlabs {
 public:
  JsSlabs(napi_env env, ReplySlab& slab);

  napi_value slabs() const { return slabs_.value(); }
  napi_value large() const { return large_.value(); }

  /// Makes the bytes of `record` readable.
  void show(napi_env env, const CompletionRecord& record);
  /// JavaScript has read `records`: their memory may be used again.
  void hide(napi_env env, std::span<const CompletionRecord> records);

 private:
  enum class Shown : uint8_t { kNo, kExternal, kCopy };

  void show_chunk(napi_env env, uint32_t slab);
  void release(napi_env env, uint32_t slab, uint32_t replies);
  void show_large(napi_env env, uint32_t index, size_t size);
  void copy_reply(napi_env env, uint32_t slab, size_t begin, size_t end);

  ReplySlab& slab_;
  JsReference slabs_;
  JsReference large_;
  std::vector<Shown> shown_;  // by chunk
};

}  // namespace ortserve
