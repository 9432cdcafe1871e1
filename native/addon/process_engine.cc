// SPDX-License-Identifier: Apache-2.0
#include "addon/process_engine.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "addon/load_shapes.h"
#include "addon/session_key.h"
#include "core/model_digest.h"
#include "core/nearest_name.h"
#include "core/synthetic_inputs.h"
#include "core/verify_batching.h"
#include "engine/model_words.h"

namespace ortserve {

namespace {

constexpr int64_t kMeasuredRows = 64;  // the cost curve's reach where no cap is given
constexpr int kMostLoads = 8;          // at once; each holds a model twice while it is being prepared
constexpr Nanoseconds kMeasureBudget = std::chrono::milliseconds(300);

bool uses_accelerator(const std::vector<ProviderOutcome>& providers) {
  return std::ranges::any_of(providers, [](const auto& outcome) { return outcome.active && outcome.name != "cpu"; });
}

bool uses_tensorrt(const std::vector<ProviderOutcome>& providers) {
  return std::ranges::any_of(providers,
                             [](const auto& outcome) { return outcome.active && outcome.name == "tensorrt"; });
}

// CPU: as many runs as keep every core busy. GPU: two, so that one copies while the other computes; a TensorRT session
// runs one at a time.
int default_instances(const std::vector<ProviderOutcome>& providers, int cores, int threads) {
  if (uses_tensorrt(providers)) return 1;
  if (uses_accelerator(providers)) return 2;
  return std::max(cores / threads, 1);
}

// Exit handlers run last in, first out. Called after ONNX Runtime has started, and after it has loaded and run a model
// for the first time, this makes our stop() run before the destructors of the static objects it has made until then.
void stop_before_exit_handlers_so_far() {
#ifndef _WIN32  // there exit handlers of a library run when the threads are already gone
  std::atexit([] { ProcessEngine::instance().stop(); });
#endif
}

Status set_features(ModelSpec& spec, const std::map<std::string, std::vector<std::string>>& features) {
  for (const auto& [key, columns] : features) {
    if (key.empty() && spec.inputs.size() != 1) {
      return {Code::kInvalidArgument, "expected 'features' as a map from input to names, since the model has " +
                                          std::to_string(spec.inputs.size()) + " inputs"};
    }
    const int index = key.empty() ? 0 : spec.input_index(key);
    if (index < 0) return {Code::kInvalidArgument, "'features' names the input '" + key + "', which the model has not"};
    InputSpec& input = spec.inputs[static_cast<size_t>(index)];
    const std::string& name = input.name;
    const int64_t width = input.dims.rank() == 0 ? 1 : input.dims[input.dims.rank() - 1];
    if (width >= 0 && width != static_cast<int64_t>(columns.size())) {
      return {Code::kInvalidArgument, "expected " + std::to_string(width) + " features for input '" + name + "' " +
                                          input.dims.to_string() + ", got " + std::to_string(columns.size())};
    }
    input.features = columns;
  }
  return {};
}

Status set_preprocess(ModelSpec& spec, std::map<std::string, InputPlan>& plans) {
  for (auto& [name, plan] : plans) {
    const int index = name.empty() && spec.inputs.size() == 1 ? 0 : spec.input_index(name);
    if (index < 0) {
      NearestName nearest(name);
      for (const InputSpec& input : spec.inputs) nearest.offer(input.name);
      return {Code::kInvalidArgument,
              "'preprocess' names the input '" + name + "', which the model has not" + nearest.question()};
    }
    ORTSERVE_RETURN_IF_ERROR(attach_input_plan(std::move(plan), spec, spec.inputs[static_cast<size_t>(index)]));
  }
  return {};
}

}  // namespace

ProcessEngine& ProcessEngine::instance() {
  static ProcessEngine* const engine = new ProcessEngine;  // never destroyed: threads may outlive static destruction
  return *engine;
}

void ProcessEngine::open_environment() {
  const std::lock_guard lifecycle(lifecycle_);
  ++environments_;
}

void ProcessEngine::close_environment() {
  const std::lock_guard lifecycle(lifecycle_);
  if (--environments_ == 0) halt();
}

Status ProcessEngine::start(const std::string& library_path, const Options& options) {
  const std::lock_guard lifecycle(lifecycle_);
  if (running()) return {};
  ORTSERVE_RETURN_IF_ERROR(start_engine(library_path));
  stop_before_exit_handlers_so_far();
  const int cores = options.cores > 0 ? options.cores : usable_cores();
  const std::lock_guard lock(mutex_);
  if (!buffers_) {
    buffers_ = std::make_unique<BufferPool>(options.buffers);
    cache_ = std::make_unique<ResultCache>(ResultCache::Limits{.max_bytes = options.cache_bytes});
  }
  engine_cache_ = options.engine_cache;
  workers_ = std::make_shared<WorkerPool>(cores);
  loaders_ = std::make_unique<JobThreads>(static_cast<size_t>(std::clamp(cores, 1, kMostLoads)));
  if (shared_cache_) shared_cache_->start(workers_);
  return {};
}

Status ProcessEngine::open_shared_cache(std::shared_ptr<SharedCache> shared) {
  const std::lock_guard lock(mutex_);
  if (shared_cache_) return {Code::kInvalidArgument, "this process shares results already: close that cache first"};
  shared->start(workers_);
  shared_cache_ = std::move(shared);
  return {};
}

std::shared_ptr<SharedCache> ProcessEngine::shared_cache() const {
  const std::lock_guard lock(mutex_);
  return shared_cache_;
}

void ProcessEngine::close_shared_cache(const std::shared_ptr<SharedCache>& shared) {
  {
    const std::lock_guard lock(mutex_);
    if (shared_cache_ == shared) shared_cache_.reset();
  }
  shared->connect(nullptr);  // outside of the lock: lookups in flight go on to their runs
}

void ProcessEngine::flush_shared(const CacheKey& digest) {
  std::vector<std::shared_ptr<LoadedModel>> models;
  {
    const std::lock_guard lock(mutex_);
    models = live_models();
  }
  for (const auto& model : models) {
    if (model->shared_digest() == digest) model->flush_cache(false);
  }
}

bool ProcessEngine::running() const {
  const std::lock_guard lock(mutex_);
  return workers_ != nullptr;
}

int ProcessEngine::cores() const {
  const std::lock_guard lock(mutex_);
  return workers_ ? workers_->cores() : 0;
}

void ProcessEngine::post(std::function<void()> job) {
  std::shared_ptr<WorkerPool> workers;
  {
    const std::lock_guard lock(mutex_);
    workers = workers_;
  }
  if (workers) workers->post(std::move(job));
}

void ProcessEngine::stop() {
  const std::lock_guard lifecycle(lifecycle_);
  halt();
}

void ProcessEngine::halt() {
  std::shared_ptr<WorkerPool> workers;
  std::unique_ptr<JobThreads> loaders;
  std::shared_ptr<SharedCache> shared;
  std::vector<std::shared_ptr<LoadedModel>> models;
  {
    const std::lock_guard lock(mutex_);
    shared = shared_cache_;
    workers.swap(workers_);
    loaders.swap(loaders_);
    models = live_models();
  }
  for (const auto& model : models) model->abort();
  if (loaders) loaders->stop();  // loads in progress end first: ONNX Runtime must not be inside a call at exit
  {
    const std::lock_guard lock(mutex_);
    models = live_models();  // with what those loads have made
  }
  for (const auto& model : models) model->abort();
  if (shared) shared->stop();  // lookups end as the models do
  if (workers) workers->stop();
}

std::vector<std::shared_ptr<LoadedModel>> ProcessEngine::live_models() {
  std::vector<std::shared_ptr<LoadedModel>> live;
  std::erase_if(models_, [&live](const auto& entry) {
    auto model = entry.second.lock();
    const bool gone = model == nullptr;
    if (!gone) live.push_back(std::move(model));
    return gone;
  });
  return live;
}

bool ProcessEngine::post_long(std::function<void()> job) {
  const std::lock_guard lock(mutex_);
  if (loaders_) loaders_->post(std::move(job));
  return loaders_ != nullptr;
}

void ProcessEngine::load(ModelLoadOptions options, LoadDone done) {
  const std::lock_guard lock(mutex_);
  if (!loaders_) {
    done(Status(Code::kInternal, "the engine does not run"));
    return;
  }
  loaders_->post([this, workers = workers_, options = std::move(options), done = std::move(done)]() mutable {
    try {
      done(load_now(options, workers));
    } catch (const std::exception& error) {
      done(Status(Code::kOutOfMemory, std::string("loading failed: ") + error.what()));
    }
  });
}

Result<std::shared_ptr<LoadedModel>> ProcessEngine::load_now(ModelLoadOptions& options,
                                                             const std::shared_ptr<WorkerPool>& workers) {
  options.session.intra_op_threads = std::clamp(options.session.intra_op_threads, 1, workers->cores());
  hint_shapes(options);
  options.session.engine_cache = engine_cache_;
  auto session = session_for(options);
  if (!session.ok()) return session.take_status();
  const auto& providers = (*session)->session->providers();
  const bool accelerated = uses_accelerator(providers);
  BatcherOptions batcher = options.batcher;
  batcher.weight = accelerated ? 1 : options.session.intra_op_threads;
  batcher.instances =
      options.instances > 0 ? options.instances : default_instances(providers, workers->cores(), batcher.weight);
  if (accelerated) batcher.inline_ceiling = Nanoseconds{0};  // never make an event loop wait for a device
  if ((*session)->session->has_fixed_shapes()) {
    batcher.pad_to = options.session.shapes.pad_to;
    if (options.instances == 0) batcher.instances = 1;
  }
  ModelSpec spec = (*session)->spec;
  spec.name = options.name;
  spec.version = options.version;
  spec.max_rows = options.max_request_rows;
  limit_rows(spec, options, batcher);
  spec.labels = options.labels;
  spec.show_unpruned();
  ORTSERVE_RETURN_IF_ERROR(set_features(spec, options.features));
  ORTSERVE_RETURN_IF_ERROR(set_preprocess(spec, options.preprocess));
  auto runner = apply_output_plans(options.postprocess, (*session)->session, *buffers_, spec);
  if (!runner.ok()) return runner.take_status();
  auto buckets = AxisBuckets::create(spec, options.bucket_axes);
  if (!buckets.ok()) return buckets.take_status();
  batcher.buckets = std::move(*buckets);
  batcher.samples = std::make_shared<TrafficSamples>();
  CacheAccess cache{*cache_, cache_keys_, options.cache, nullptr, {}};
  if (options.cache.enabled && options.cache.shared) cache.shared = shared_cache();
  if (cache.shared) {
    auto digest = digest_of(options, **session);
    if (!digest.ok()) return digest.take_status();
    cache.digest = extend_digest(*digest, options.cache.variant);
  }
  const std::lock_guard lock(mutex_);
  live_models();  // forgets those that are gone
  const uint32_t id = ++last_id_;
  auto model = std::make_shared<LoadedModel>(id, workers, *buffers_, std::move(*session), std::move(*runner),
                                             std::move(spec), options.session.intra_op_threads, batcher, cache);
  models_[id] = model;
  return model;
}

// A file that was replaced between its load and its reading here must not give its name to another model's results.
Result<CacheKey> ProcessEngine::digest_of(const ModelLoadOptions& options, SharedSession& session) {
  std::optional<CacheKey> known;
  {
    const std::lock_guard lock(mutex_);
    known = session.digest;
  }
  if (!known) {
    auto digest = result_digest(options, session.session->providers());
    if (!digest.ok()) return digest.take_status();
    known = *digest;
    const std::lock_guard lock(mutex_);
    session.digest = known;
  }
  const auto key = session_key(options);
  if (key.ok() && key.value() == session.key) return *known;
  return Status(Code::kLoadFailed, "'" + options.session.model_path + "' was changed while it was loaded");
}

std::shared_ptr<SharedSession> ProcessEngine::claim_session(const std::string& key) {
  std::unique_lock lock(mutex_);
  loaded_.wait(lock, [&] { return !loading_.contains(key); });
  std::erase_if(sessions_, [](const auto& entry) { return entry.second.expired(); });
  if (const auto found = sessions_.find(key); found != sessions_.end()) {
    if (auto session = found->second.lock()) return session;
  }
  loading_.insert(key);
  return nullptr;
}

void ProcessEngine::finish_session(const std::string& key, const std::shared_ptr<SharedSession>& session) {
  {
    const std::lock_guard lock(mutex_);
    loading_.erase(key);
    if (session) sessions_[key] = session;
  }
  loaded_.notify_all();
}

Result<std::shared_ptr<SharedSession>> ProcessEngine::session_for(const ModelLoadOptions& options) {
  auto key = session_key(options);
  if (!key.ok()) return key.take_status();
  if (auto session = claim_session(*key)) return session;
  try {
    auto made = make_session(options);
    if (made.ok()) (*made)->key = *key;
    finish_session(*key, made.ok() ? *made : nullptr);
    return made;
  } catch (...) {
    finish_session(*key, nullptr);
    throw;
  }
}

Result<std::shared_ptr<SharedSession>> ProcessEngine::make_session(const ModelLoadOptions& options) {
  auto shared = std::make_shared<SharedSession>();
  {
    const std::shared_lock busy(quiet_);
    auto loaded = load_session(options.session, *buffers_);
    if (!loaded.ok()) return loaded.take_status();
    shared->session = std::move(*loaded);
  }
  shared->spec = shared->session->spec();
  const std::unique_lock alone(quiet_);
  // Nobody else loads now, so that nobody allocates while CUDA graphs are captured.
  const auto& warm = shared->session->warm_shapes();
  if (Status warmed = run_shapes(*shared->session, shared->spec, shared->session->batch_pool(), warm); !warmed.ok()) {
    return Status(warmed.code(), "cannot run '" + options.session.model_path +
                                     "' with the shapes it is prepared for: " + warmed.message());
  }
  if (options.batching) {
    const auto& inputs = shared->spec.inputs;
    const bool reads_text =
        std::ranges::any_of(inputs, [](const auto& input) { return input.dtype == DType::kString; });
    auto words = reads_text ? words_of_file(options.session.model_path) : std::vector<std::string>();
    verify_batching(*shared->session, shared->spec, *buffers_, std::move(words));
  } else {
    shared->spec.batched = false;
    shared->spec.batching_reason = "'batching: whole' says that dim 0 counts no rows";
  }
  if (!options.measure) {
    if (shared->spec.has_dynamic_inputs()) shared->spec.example_dim = 0;
    return shared;
  }
  if (shared->spec.has_dynamic_inputs()) {
    shared->spec.example_dim = runnable_dynamic_dim(*shared->session, shared->spec, *buffers_);
  }
  shared->curve = measure_cost_curve(
      *shared->session, shared->spec, *buffers_,
      measured_rows(shared->spec, std::max(options.batcher.max_batch_rows, kMeasuredRows)), kMeasureBudget);
  stop_before_exit_handlers_so_far();
  return shared;
}

std::shared_ptr<LoadedModel> ProcessEngine::find(uint32_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(id);
  return found == models_.end() ? nullptr : found->second.lock();
}

}  // namespace ortserve
