// SPDX-License-Identifier: Apache-2.0
#include "addon/js_slabs.h"

#include <cstring>
#include <utility>

#include "addon/js_build.h"

namespace ortserve {

namespace {

using Memory = ReplySlab::Memory;

// An ArrayBuffer over native memory, which lives as long as either side needs it; null where the runtime refuses.
napi_value external_buffer(napi_env env, const Memory& memory, size_t size) {
  auto* const held = new Memory(memory);
  const auto finalize = [](napi_env, void*, void* hint) { delete static_cast<Memory*>(hint); };
  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(env, memory.get(), size, finalize, held, &buffer);
  if (status == napi_ok) return buffer;
  delete held;
  if (status != napi_no_external_buffers_allowed) throw NapiFailure();
  return nullptr;
}

napi_value owned_buffer(napi_env env, const std::byte* bytes, size_t size) {
  void* data = nullptr;
  napi_value buffer;
  check(napi_create_arraybuffer(env, size, &data, &buffer));
  if (bytes != nullptr && size > 0) std::memcpy(data, bytes, size);
  return buffer;
}

}  // namespace

JsSlabs::JsSlabs(napi_env env, ReplySlab& slab)
    : slab_(slab), slabs_(env, js_array(env, 0)), large_(env, js_array(env, 0)) {}

void JsSlabs::show(napi_env env, const CompletionRecord& record) {
  if (is_silent_failure(record, ReplySlab::kLarge)) return;
  const uint32_t slab = record[completion::kSlab];
  if (slab == ReplySlab::kLarge) {
    show_large(env, record[completion::kOffset], record[completion::kLength]);
    return;
  }
  if (slab >= shown_.size()) shown_.resize(slab + size_t{1}, Shown::kNo);
  if (shown_[slab] == Shown::kNo) show_chunk(env, slab);
  if (shown_[slab] == Shown::kCopy) {
    const size_t offset = record[completion::kOffset];
    copy_reply(env, slab, offset - record[completion::kIdSize], offset + record[completion::kLength]);
  }
}

void JsSlabs::show_chunk(napi_env env, uint32_t slab) {
  napi_value buffer = external_buffer(env, slab_.chunk(slab), ReplySlab::kChunkBytes);
  const bool external = buffer != nullptr;
  if (!external) buffer = owned_buffer(env, nullptr, ReplySlab::kChunkBytes);
  napi_value view;
  check(napi_create_typedarray(env, napi_uint8_array, ReplySlab::kChunkBytes, buffer, 0, &view));
  set_element(env, slabs_.value(), slab, view);
  shown_[slab] = external ? Shown::kExternal : Shown::kCopy;
}

void JsSlabs::copy_reply(napi_env env, uint32_t slab, size_t begin, size_t end) {
  napi_value view;
  void* data = nullptr;
  size_t length = 0;
  check(napi_get_element(env, slabs_.value(), slab, &view));
  check(napi_get_typedarray_info(env, view, nullptr, &length, &data, nullptr, nullptr));
  if (end > length) throw NapiFailure();  // JavaScript has detached it
  std::memcpy(static_cast<std::byte*>(data) + begin, slab_.chunk(slab).get() + begin, end - begin);
}

void JsSlabs::show_large(napi_env env, uint32_t index, size_t size) {
  const Memory memory = slab_.take_large(index);
  napi_value buffer = external_buffer(env, memory, size);
  if (buffer == nullptr) buffer = owned_buffer(env, memory.get(), size);
  set_element(env, large_.value(), index, buffer);
}

void JsSlabs::hide(napi_env env, std::span<const CompletionRecord> records) {
  uint32_t slab = 0;
  uint32_t replies = 0;  // in `slab`, one after another: most often all of them
  for (const CompletionRecord& record : records) {
    if (is_silent_failure(record, ReplySlab::kLarge)) continue;
    if (record[completion::kSlab] == ReplySlab::kLarge) {
      set_element(env, large_.value(), record[completion::kOffset], js_undefined(env));
      continue;
    }
    if (record[completion::kSlab] != slab) {
      release(env, slab, std::exchange(replies, 0));
      slab = record[completion::kSlab];
    }
    ++replies;
  }
  release(env, slab, replies);
}

void JsSlabs::release(napi_env env, uint32_t slab, uint32_t replies) {
  if (replies == 0) return;
  for (const uint32_t gone : slab_.release(slab, replies)) {
    if (gone >= shown_.size() || shown_[gone] == Shown::kNo) continue;
    shown_[gone] = Shown::kNo;
    set_element(env, slabs_.value(), gone, js_undefined(env));
  }
}

}  // namespace ortserve
