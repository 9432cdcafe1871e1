// SPDX-License-Identifier: Apache-2.0
#include "addon/load_options.h"

#include <algorithm>

#include "addon/js_read.h"
#include "addon/plan_options.h"

namespace ortserve {

namespace {

class OptionReader {
 public:
  OptionReader(napi_env env, napi_value object) : env_(env), object_(object) {}

  napi_value value(const char* name) const { return read_property(env_, object_, name); }
  std::string text(const char* name) const { return read_string(env_, value(name), name); }
  bool flag(const char* name) const { return read_bool(env_, value(name), name); }
  int64_t amount(const char* name) const { return read_amount(env_, value(name), name); }
  Nanoseconds micros(const char* name) const {
    constexpr int64_t kLongest = INT64_C(366) * 24 * 3600 * 1'000'000;
    return std::chrono::microseconds(std::min(amount(name), kLongest));
  }
  double number(const char* name) const { return read_number(env_, value(name), name); }
  int small(const char* name) const { return static_cast<int>(read_integer(env_, value(name), name, 0, 1024)); }

 private:
  napi_env env_;
  napi_value object_;
};

ProviderRequest read_provider(napi_env env, napi_value value) {
  const OptionReader reader(env, value);
  return {reader.text("name"), read_string_map(env, reader.value("options"), "options"), reader.flag("required")};
}

std::vector<std::string> read_strings(napi_env env, napi_value array, const char* what) {
  std::vector<std::string> strings;
  const uint32_t count = read_length(env, array, what);
  for (uint32_t i = 0; i < count; ++i) strings.push_back(read_string(env, read_element(env, array, i), what));
  return strings;
}

std::vector<int64_t> read_sizes(napi_env env, napi_value array, const char* what) {
  std::vector<int64_t> sizes;
  const uint32_t count = read_length(env, array, what);
  for (uint32_t i = 0; i < count; ++i) sizes.push_back(read_amount(env, read_element(env, array, i), what));
  return sizes;
}

std::vector<AxisBucketOption> read_bucket_axes(napi_env env, napi_value array) {
  std::vector<AxisBucketOption> options;
  const uint32_t count = read_length(env, array, "bucketAxes");
  for (uint32_t i = 0; i < count; ++i) {
    const OptionReader reader(env, read_element(env, array, i));
    AxisBucketOption& option = options.emplace_back();
    option.dim = reader.text("dim");
    option.sizes = read_sizes(env, reader.value("sizes"), "sizes");
    option.pad_value = reader.number("padValue");
    for (const auto& [name, value] : read_entries(env, reader.value("padValues"), "padValues")) {
      option.pad_values[name] = read_number(env, value, "padValues");
    }
  }
  return options;
}

QueuePolicy read_queue(const OptionReader& reader) {
  QueuePolicy queue;
  queue.max_rows = reader.amount("maxQueueRows");
  queue.max_bytes = static_cast<uint64_t>(reader.amount("maxQueueBytes"));
  queue.timeout = reader.micros("queueTimeoutMicros");
  queue.on_timeout = reader.text("onQueueTimeout") == "delay" ? OnQueueTimeout::kDelay : OnQueueTimeout::kReject;
  queue.priority_levels = static_cast<uint32_t>(reader.small("priorityLevels"));
  queue.default_priority = static_cast<uint32_t>(reader.small("defaultPriority"));
  return queue;
}

}  // namespace

ModelLoadOptions load_options_from_js(napi_env env, napi_value value) {
  const OptionReader reader(env, value);
  ModelLoadOptions options;
  options.session.model_path = reader.text("path");
  options.revision = reader.text("revision");
  options.session.options = read_string_map(env, reader.value("sessionOptions"), "sessionOptions");
  options.session.intra_op_threads = std::max(reader.small("intraOpThreads"), 1);
  const napi_value providers = reader.value("providers");
  const uint32_t count = read_length(env, providers, "providers");
  for (uint32_t i = 0; i < count; ++i) {
    options.session.providers.push_back(read_provider(env, read_element(env, providers, i)));
  }
  options.name = reader.text("name");
  options.version = reader.text("version");
  for (const auto& [name, columns] : read_entries(env, reader.value("features"), "features")) {
    options.features[name] = read_strings(env, columns, "features");
  }
  options.labels = read_strings(env, reader.value("labels"), "labels");
  options.preprocess = input_plans_from_js(env, reader.value("preprocess"));
  options.postprocess = output_plans_from_js(env, reader.value("postprocess"));
  options.batching = reader.text("batching") == "auto";
  options.measure = reader.flag("measure");
  options.instances = reader.small("instances");
  options.bucket_axes = read_bucket_axes(env, reader.value("bucketAxes"));
  options.max_request_rows = reader.amount("maxRequestRows");
  options.batcher.max_batch_rows = reader.amount("maxBatchRows");
  options.batcher.max_delay = reader.micros("maxDelayMicros");
  options.batcher.tune_delay = reader.flag("tuneDelay");
  options.batcher.latency_objective = reader.micros("latencyObjectiveMicros");
  options.batcher.preferred_rows = read_sizes(env, reader.value("preferredBatchRows"), "preferredBatchRows");
  options.batcher.pad_to = read_sizes(env, reader.value("padTo"), "padTo");
  options.batcher.preserve_order = reader.flag("preserveOrdering");
  options.batcher.queue = read_queue(reader);
  options.cache.enabled = reader.flag("cache");
  options.cache.max_bytes = static_cast<uint64_t>(reader.amount("cacheMaxBytes"));
  options.cache.ttl = reader.micros("cacheTtlMicros");
  options.cache.shared = reader.flag("cacheShared");
  options.cache.variant = reader.text("cacheVariant");
  options.batcher.inline_ceiling = reader.micros("inlineMicros");
  return options;
}

}  // namespace ortserve
