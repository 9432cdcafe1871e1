// SPDX-License-Identifier: Apache-2.0
// What all JavaScript environments of the process share: workers, tensor memory, models.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "addon/job_threads.h"
#include "addon/loaded_model.h"
#include "core/buffer_pool.h"
#include "core/shared_regions.h"
#include "core/worker_pool.h"

namespace ortserve {

/// Thread-safe. ONNX Runtime's static objects must not die under running threads when the process exits. So this object
/// is never destroyed, and every thread is stopped and joined before: by the last environment to go; by the main
/// thread's 'exit' event, since process.exit() runs no cleanup hooks; and at the latest by an exit handler.
class ProcessEngine {
 public:
  struct Options {
    int cores = 0;  ///< 0: usable_cores()
    BufferPool::Limits buffers;
    uint64_t cache_bytes = 0;  ///< bound of the prediction cache
    std::string engine_cache;  ///< folder for TensorRT's engines; empty: they are not kept
  };
  using LoadDone = std::function<void(Result<std::shared_ptr<LoadedModel>>)>;

  static ProcessEngine& instance();

  /// One call of each per environment. The last close() aborts every model, waits for the runs in flight to end and
  /// joins the threads; a later environment may start the engine again.
  void open_environment();
  void close_environment();

  /// Loads ONNX Runtime and starts the workers; changes nothing when they run. The buffer and cache limits of the first
  /// start in the process stay in force.
  Status start(const std::string& library_path, const Options& options);
  bool running() const;
  /// Of the running engine; 0 when it does not run.
  int cores() const;
  /// Ends all work of the process: aborts every model, waits for runs and the load in progress to end, joins the
  /// threads.
  void stop();
  /// The tensor memory; exists from the first start() on.
  BufferPool& buffers() const { return *buffers_; }
  /// The prediction cache of all models; exists from the first start() on.
  ResultCache& cache() const { return *cache_; }
  /// Shared memory that clients have registered.
  SharedRegions& regions() noexcept { return regions_; }
  /// Begins to use a second cache level; models loaded from now on may share their results. kInvalidArgument: there is
  /// one already.
  Status open_shared_cache(std::shared_ptr<SharedCache> shared);
  /// The second level; null where there is none.
  std::shared_ptr<SharedCache> shared_cache() const;
  /// Ends the use of `shared`, if that is the one in use.
  void close_shared_cache(const std::shared_ptr<SharedCache>& shared);
  /// Forgets what the first level holds of models that the second level knows as `digest`.
  void flush_shared(const CacheKey& digest);

  /// Runs a short job on a worker thread; dropped when the engine does not run.
  void post(std::function<void()> job);

  /// Runs a job of any length on a thread beside the workers, which stop() waits for. False when the engine does not
  /// run.
  bool post_long(std::function<void()> job);

  /// Loads on a native thread, which also calls `done`, unless the engine stops first.
  void load(ModelLoadOptions options, LoadDone done);
  /// The model with this id; null when nobody holds it any more.
  std::shared_ptr<LoadedModel> find(uint32_t id) const;

 private:
  ProcessEngine() = default;
  ~ProcessEngine() = default;

  Result<std::shared_ptr<LoadedModel>> load_now(ModelLoadOptions& options, const std::shared_ptr<WorkerPool>& workers);
  Result<CacheKey> digest_of(const ModelLoadOptions& options, SharedSession& session);
  Result<std::shared_ptr<SharedSession>> session_for(const ModelLoadOptions& options);
  Result<std::shared_ptr<SharedSession>> make_session(const ModelLoadOptions& options);
  /// The session with this key, once any load of it that is in progress has ended; null: the caller is to make it, and
  /// to call finish_session().
  std::shared_ptr<SharedSession> claim_session(const std::string& key);
  void finish_session(const std::string& key, const std::shared_ptr<SharedSession>& session);
  std::vector<std::shared_ptr<LoadedModel>> live_models();  // mutex_ held
  void halt();                                              // lifecycle_ held

  std::mutex lifecycle_;  // serialises start and stop; taken before mutex_
  int environments_ = 0;

  mutable std::mutex mutex_;  // guards everything below
  std::unique_ptr<BufferPool> buffers_;
  std::unique_ptr<ResultCache> cache_;
  SharedRegions regions_;
  const CacheKeyMaker cache_keys_;
  std::shared_ptr<SharedCache> shared_cache_;
  std::string engine_cache_;
  std::shared_ptr<WorkerPool> workers_;
  std::unique_ptr<JobThreads> loaders_;
  uint32_t last_id_ = 0;
  std::unordered_map<uint32_t, std::weak_ptr<LoadedModel>> models_;
  std::unordered_map<std::string, std::weak_ptr<SharedSession>> sessions_;  // by file identity and options
  std::set<std::string> loading_;                                           // keys of sessions in the making
  std::condition_variable loaded_;                                          // one of them is made, or has failed

  // Models are read and prepared side by side (shared), and measured when nothing else is being loaded (exclusive): the
  // cost curve of one beside another's load would be wrong.
  std::shared_mutex quiet_;
};

}  // namespace ortserve
