// SPDX-License-Identifier: Apache-2.0
#include "addon/model_info.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "addon/js_build.h"
#include "addon/shared_store.h"

namespace ortserve {

namespace {

std::string_view kind_name(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kTensor:
      return "tensor";
    case Value::Kind::kSequence:
      return "sequence";
    case Value::Kind::kMap:
      return "map";
  }
  return "tensor";
}

struct TensorFace {
  const std::string& name;
  DType dtype;
  const Shape& dims;
  const std::vector<std::string>& dim_names;
  bool optional;
  Value::Kind kind;
  const std::vector<std::string>& features;
};

napi_value strings_to_js(napi_env env, const std::vector<std::string>& strings) {
  return js_array_of(env, strings, [env](const std::string& text) { return js_string(env, text); });
}

napi_value face_to_js(napi_env env, const TensorFace& face) {
  return JsObject(env)
      .set("name", face.name)
      .set("datatype", dtype_name(face.dtype))
      .set("shape",
           js_array_of(env, face.dims.dims(), [env](int64_t dim) { return js_number(env, static_cast<double>(dim)); }))
      .set("dimNames", strings_to_js(env, face.dim_names))
      .set_bool("optional", face.optional)
      .set("kind", kind_name(face.kind))
      .set("features", strings_to_js(env, face.features))
      .value();
}

napi_value provider_to_js(napi_env env, const ProviderOutcome& provider) {
  return JsObject(env)
      .set("name", provider.name)
      .set_bool("active", provider.active)
      .set("reason", provider.reason)
      .set("note", provider.note)
      .value();
}

napi_value point_to_js(napi_env env, const CostCurve::Point& point) {
  return JsObject(env).set("rows", static_cast<double>(point.rows)).set("micros", point.nanoseconds / 1000).value();
}

napi_value duration_to_js(napi_env env, const ModelStats::Duration& duration) {
  return JsObject(env).set_count("count", duration.count).set_count("nanoseconds", duration.nanoseconds).value();
}

void set_compute(napi_env env, JsObject& object, const ModelStats::Compute& compute) {
  object.set("computeInput", duration_to_js(env, compute.input))
      .set("computeInfer", duration_to_js(env, compute.infer))
      .set("computeOutput", duration_to_js(env, compute.output));
}

napi_value batch_to_js(napi_env env, const std::pair<const int64_t, ModelStats::Compute>& batch) {
  JsObject object(env);
  object.set("rows", static_cast<double>(batch.first)).set_count("count", batch.second.infer.count);
  set_compute(env, object, batch.second);
  return object.value();
}

// Milliseconds since 1970; 0: never. The core counts in steady time, which no clock adjustment moves.
uint64_t unix_millis(TimePoint when) {
  if (when == TimePoint{}) return 0;
  const auto wall = std::chrono::system_clock::now() - (Clock::now() - when);
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(wall.time_since_epoch()).count());
}

napi_value cuts_to_js(napi_env env, const std::array<uint64_t, kBatchCuts>& cuts) {
  JsObject object(env);
  for (size_t i = 0; i < kBatchCuts; ++i) {
    object.set_count(batch_cut_name(static_cast<BatchCut>(i)).data(), cuts[i]);
  }
  return object.value();
}

napi_value plan_to_js(napi_env env, const InputSpec& input) {
  JsObject object(env);
  object.set("input", input.name);
  if (const auto* const image = std::get_if<ImagePlan>(input.plan.get())) {
    object.set("kind", "image")
        .set("width", static_cast<double>(image->width))
        .set("height", static_cast<double>(image->height))
        .set("channels", static_cast<double>(image->pixels.channels))
        .set("decode", image->decode);
  } else if (const auto* const tabular = std::get_if<TabularPlan>(input.plan.get())) {
    object.set("kind", "tabular").set("columns", js_array_of(env, tabular->columns, [env](const TabularColumn& column) {
                                        return js_string(env, column.name);
                                      }));
  } else {
    const auto& audio = std::get<AudioPlan>(*input.plan);
    object.set("kind", "audio").set("width", static_cast<double>(audio.samples)).set("decode", audio.decode);
  }
  return object.value();
}

}  // namespace

napi_value model_info_to_js(napi_env env, const LoadedModel& model) {
  const ModelSpec& spec = model.spec();
  const std::vector<std::string> none;
  const auto input = [&](const InputSpec& in) {
    return face_to_js(env, {in.name, in.dtype, in.dims, in.dim_names, in.optional, Value::Kind::kTensor, in.features});
  };
  const auto output = [&](const OutputSpec& out) {
    return face_to_js(env, {out.name, out.dtype, out.dims, out.dim_names, false, out.kind, none});
  };
  std::vector<InputSpec> planned;
  std::ranges::copy_if(spec.inputs, std::back_inserter(planned),
                       [](const InputSpec& in) { return in.plan != nullptr; });
  return JsObject(env)
      .set("name", spec.name)
      .set("version", spec.version)
      .set("inputs", js_array_of(env, spec.inputs, input))
      .set("outputs", js_array_of(env, spec.outputs, output))
      .set("preprocess", js_array_of(env, planned, [env](const InputSpec& in) { return plan_to_js(env, in); }))
      .set_bool("batched", spec.batched)
      .set("batchingReason", spec.batching_reason)
      .set("providers",
           js_array_of(env, model.providers(), [env](const auto& one) { return provider_to_js(env, one); }))
      .set("instances", static_cast<double>(model.options().instances))
      .set("intraOpThreads", static_cast<double>(model.intra_op_threads()))
      .set("exampleDim", static_cast<double>(spec.example_dim))
      .set("maxBatchRows", static_cast<double>(model.max_batch_rows()))
      .set("sharedDigest", model.shared_digest() ? shared_name(*model.shared_digest()) : std::string())
      .set("costCurve", js_array_of(env, model.cost_curve(), [env](const auto& one) { return point_to_js(env, one); }))
      .value();
}

napi_value shared_stats_to_js(napi_env env, const CacheStats::Shared& stats) {
  return JsObject(env)
      .set_count("hits", stats.hits)
      .set_count("misses", stats.misses)
      .set_count("timeouts", stats.timeouts)
      .set_count("errors", stats.errors)
      .set_count("skipped", stats.skipped)
      .set_count("stored", stats.stored)
      .set_count("dropped", stats.dropped)
      .value();
}

napi_value cache_stats_to_js(napi_env env, const CacheStats& stats) {
  return JsObject(env)
      .set_count("hits", stats.hits)
      .set_count("misses", stats.misses)
      .set_count("joins", stats.joins)
      .set_count("bypasses", stats.bypasses)
      .set_count("inserted", stats.inserted)
      .set_count("evicted", stats.evicted)
      .set_count("expired", stats.expired)
      .set_count("tooLarge", stats.too_large)
      .set_count("entries", stats.entries)
      .set_count("bytes", stats.bytes)
      .set("shared", shared_stats_to_js(env, stats.shared))
      .value();
}

napi_value samples_to_js(napi_env env, const TrafficSamples::Counts& counts) {
  return JsObject(env).set_count("kept", counts.kept).set_count("dropped", counts.dropped).value();
}

napi_value model_stats_to_js(napi_env env, const LoadedModel& model) {
  const ModelStats::Snapshot stats = model.stats();
  const napi_value copied =
      JsObject(env).set_count("in", stats.copied_in_bytes).set_count("out", stats.copied_out_bytes).value();
  JsObject object(env);
  set_compute(env, object, stats.compute);
  return object.set_count("requests", stats.requests)
      .set_count("rows", stats.rows)
      .set_count("executions", stats.executions)
      .set("success", duration_to_js(env, stats.success))
      .set("fail", duration_to_js(env, stats.fail))
      .set("queue", duration_to_js(env, stats.queue))
      .set("decode", duration_to_js(env, stats.decode))
      .set("cacheHit", duration_to_js(env, stats.cache_hit))
      .set("cacheMiss", duration_to_js(env, stats.cache_miss))
      .set_count("lastRequestMillis", unix_millis(stats.last_received))
      .set_count("cancelled", stats.cancelled)
      .set_count("expired", stats.expired)
      .set_count("refusedFull", stats.refused_full)
      .set_count("refusedDeadline", stats.refused_deadline)
      .set_count("isolated", stats.isolated)
      .set_count("ranInline", stats.ran_inline)
      .set_count("delayed", stats.delayed)
      .set_count("paddedRows", stats.padded_rows)
      .set("batchCuts", cuts_to_js(env, stats.cuts))
      .set("copiedBytes", copied)
      .set("queuedRows", static_cast<double>(model.queued_rows()))
      .set("cache", cache_stats_to_js(env, model.cache_stats()))
      .set("samples", samples_to_js(env, model.options().samples->counts()))
      .set("batches", js_array_of(env, stats.batches, [env](const auto& one) { return batch_to_js(env, one); }))
      .value();
}

}  // namespace ortserve
