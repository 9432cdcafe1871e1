// SPDX-License-Identifier: Apache-2.0
// Everything that belongs to one JavaScript environment (the main thread, or a worker).
#pragma once

#include <node_api.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <vector>

#include "addon/completion_port.h"
#include "addon/js_reference.h"
#include "addon/js_slabs.h"
#include "core/codec/body.h"
#include "core/codec/seen_bodies.h"
#include "core/codec/seen_header.h"

namespace ortserve {

struct ModelHandle;
/// The handles that JavaScript holds in one environment, by number; null: none. Anything else that comes as a model is
/// forged.
using ModelHandles = std::vector<const ModelHandle*>;

/// What a JavaScript model object wraps. Finalised after the environment's cleanup, so it shares the table.
struct ModelHandle {
  std::shared_ptr<LoadedModel> model;
  std::shared_ptr<ModelHandles> handles;
  mutable SeenHeader seen = {};  // by requests that are decoded on the environment's thread
};

/// Used on its own thread only. Lives from the addon's registration until the environment's teardown.
class Environment {
 public:
  static constexpr uint32_t kRecordsPerCall = 512;  ///< records handed to one onReplies call

  /// Registers the cleanup; the environment then owns the object.
  static Environment* create(napi_env env);
  static Environment* of(void* data) { return static_cast<Environment*>(data); }

  CompletionPort& completions() noexcept { return *completions_; }
  const std::shared_ptr<CompletionPort>& shared_completions() const noexcept { return completions_; }

  const std::shared_ptr<ModelHandles>& handles() const noexcept { return handles_; }
  /// The model behind a JavaScript object. Throws kInvalidArgument when it is none of this environment's.
  const std::shared_ptr<LoadedModel>& model_of(napi_env env, napi_value value) const;
  /// The same by the number of its handle, which is quicker to read.
  const ModelHandle& model_at(napi_env env, napi_value handle) const;

  /// The port object; made by the first call.
  napi_value open_port(napi_env env, napi_value on_replies, napi_value on_outputs);

  /// Writes the answer of a submit() that ended before it returned into record 0, whose memory stays until the next
  /// call.
  void answer_now(napi_env env, const CompletionRecord& record);
  /// Every call on the port begins here: the answer that answer_now() showed is over.
  void begin_call(napi_env env);

  /// Requests that wait for end_turn(), which JavaScript calls when it has read what there was to read.
  TurnBatch& turn() noexcept { return turn_; }
  /// Runs them, and hands over their answers and whatever else is ready.
  void end_turn(napi_env env);
  /// The second cache level, whose store this thread reaches. Opening throws kInvalidArgument when the process has one;
  /// the accessor when this thread has none.
  void open_shared_cache(napi_env env, std::shared_ptr<SharedCache> shared, napi_value on_lookup, napi_value on_store,
                         napi_value on_flush);
  SharedCache& shared_cache();
  void close_shared_cache();
  void tell_lookup(napi_env env, std::initializer_list<napi_value> arguments);
  void tell_store(napi_env env, std::initializer_list<napi_value> arguments);
  void tell_flush(napi_env env, std::initializer_list<napi_value> arguments);

  /// Those of requests that were answered within submit().
  SeenBodies& seen_bodies() noexcept { return seen_bodies_; }

  /// Memory for JSON that is parsed on this thread: `size` bytes, followed by kJsonPadding more. Throws kOutOfMemory.
  Buffer scratch(size_t size);

  /// Bodies that are being collected, by handle (>= 1). Both throw kInvalidArgument for an unknown handle.
  uint32_t add_body(BodyBuffer body);
  BodyBuffer& body_at(uint32_t handle);
  BodyBuffer take_body(uint32_t handle);

 private:
  explicit Environment(napi_env env);
  static void cleanup(void* data) noexcept;

  void drain(napi_env env) noexcept;
  void drain_tasks(napi_env env, std::vector<CompletionPort::Task>& tasks);
  void drain_predicts(napi_env env);
  void drain_records(napi_env env);
  void answer_predict(napi_env env, PortRequest& request);
  void write_records(napi_env env, const CompletionRecord* records, size_t count);

  std::shared_ptr<CompletionPort> completions_;
  const std::shared_ptr<ModelHandles> handles_ = std::make_shared<ModelHandles>();
  CompletionPort::Finished finished_;  // scratch of drain()
  std::optional<JsSlabs> slabs_;
  JsReference port_;
  JsReference records_;
  JsReference on_replies_;
  JsReference on_outputs_;
  JsReference on_lookup_;
  JsReference on_store_;
  JsReference on_flush_;
  std::shared_ptr<SharedCache> shared_cache_;  // only where this thread has opened it
  std::optional<CompletionRecord> shown_now_;
  SeenBodies seen_bodies_;
  TurnBatch turn_;
  Buffer scratch_;
  std::vector<std::optional<BodyBuffer>> bodies_;  // by handle - 1
  std::vector<uint32_t> free_bodies_;
};

}  // namespace ortserve
