// SPDX-License-Identifier: Apache-2.0
#include "addon/histogram_object.h"

#include <algorithm>
#include <cstring>

#include "addon/js_build.h"
#include "addon/js_read.h"
#include "addon/js_tagged.h"
#include "addon/process_engine.h"
#include "core/solve/parallel.h"

namespace ortserve {

namespace {

using Handle = std::shared_ptr<Histogram>;

constexpr napi_type_tag kTag = {0x6f72747365727665, 0x686973746f677261};

napi_value self_of(napi_env env, napi_callback_info info) {
  napi_value self;
  check(napi_get_cb_info(env, info, nullptr, nullptr, &self, nullptr));
  return self;
}

napi_value call_add(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<1> arguments(env, info);
    const Handle histogram = histogram_from_js(env, self_of(env, info));
    const Status status = histogram->add(view_floats(env, arguments[0], "values"));
    if (!status.ok()) fail(status);
    return js_undefined(env);
  });
}

napi_value call_read(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const Histogram::State state = histogram_from_js(env, self_of(env, info))->state();
    void* data = nullptr;
    napi_value buffer;
    napi_value counts;
    check(napi_create_arraybuffer(env, Histogram::kBins * sizeof(double), &data, &buffer));
    std::ranges::transform(state.counts, static_cast<double*>(data),
                           [](uint64_t count) { return static_cast<double>(count); });
    check(napi_create_typedarray(env, napi_float64_array, Histogram::kBins, buffer, 0, &counts));
    return JsObject(env)
        .set("min", static_cast<double>(state.min))
        .set("max", static_cast<double>(state.max))
        .set("width", state.width)
        .set_count("total", state.total)
        .set("counts", counts)
        .value();
  });
}

std::span<const float> floats_of(const Value& value) {
  const Tensor& tensor = value.tensor;
  if (value.kind != Value::Kind::kTensor || tensor.dtype != DType::kFp32) return {};
  return {tensor.data.as<const float>(), static_cast<size_t>(tensor.elements())};
}

// Replaces an output by the number of elements that were counted.
Status replace_by_size(Value& value) {
  const auto size = static_cast<int64_t>(floats_of(value).size());
  auto tensor = allocate_tensor(ProcessEngine::instance().buffers(), DType::kInt64, Shape{1});
  if (!tensor.ok()) return tensor.take_status();
  std::memcpy(tensor->data.data(), &size, sizeof(size));
  value = Value{Value::Kind::kTensor, std::move(*tensor), {}, {}};
  return {};
}

void count_all(PortRequest& request) {
  const ModelSpec& spec = request.model->spec();
  std::vector<Status> counted(request.outputs.size());
  parallel_for(static_cast<size_t>(ProcessEngine::instance().cores()), counted.size(),
               [&](size_t i) { counted[i] = request.histograms[i]->add(floats_of(request.outputs[i])); });
  for (size_t i = 0; i < counted.size() && request.status.ok(); ++i) {
    if (counted[i].ok()) {
      request.status = replace_by_size(request.outputs[i]);
    } else {
      const std::string& name = spec.outputs[request.wanted[i]].name;
      request.status = Status(counted[i].code(), "tensor '" + name + "': " + counted[i].message());
    }
  }
}

}  // namespace

napi_value call_make_histogram(napi_env env, napi_callback_info) {
  return entry(env, [&] {
    const napi_value object =
        JsObject(env).set_method("add", call_add, nullptr).set_method("read", call_read, nullptr).value();
    tag_object(env, object, kTag, std::make_shared<Histogram>());
    return object;
  });
}

std::shared_ptr<Histogram> histogram_from_js(napi_env env, napi_value value) {
  return tagged<Handle>(env, value, kTag, "a histogram made by makeHistogram()");
}

void count_outputs(PortRequest& request) noexcept {
  if (!request.status.ok()) return;
  try {
    count_all(request);
  } catch (const std::exception& error) {
    request.status = Status(Code::kOutOfMemory, std::string("counting failed: ") + error.what());
  }
}

}  // namespace ortserve
