// SPDX-License-Identifier: Apache-2.0
#include "addon/js_tensor.h"

#include <cstring>
#include <optional>

#include "addon/js_build.h"
#include "addon/js_read.h"

namespace ortserve {

namespace {

struct View {
  napi_typedarray_type type;
  std::byte* data;
  size_t elements;
};

/// The typed array of a dtype; nullopt for kString.
std::optional<napi_typedarray_type> array_type(DType dtype) {
  switch (dtype) {
    case DType::kBool:
    case DType::kUint8:
      return napi_uint8_array;
    case DType::kUint16:
    case DType::kFp16:
    case DType::kBf16:
      return napi_uint16_array;
    case DType::kUint32:
      return napi_uint32_array;
    case DType::kUint64:
      return napi_biguint64_array;
    case DType::kInt8:
      return napi_int8_array;
    case DType::kInt16:
      return napi_int16_array;
    case DType::kInt32:
      return napi_int32_array;
    case DType::kInt64:
      return napi_bigint64_array;
    case DType::kFp32:
      return napi_float32_array;
    case DType::kFp64:
      return napi_float64_array;
    case DType::kString:
      break;
  }
  return std::nullopt;
}

[[noreturn]] void mismatch(const InputSpec& spec, const std::string& got) {
  fail(Code::kInvalidInput, "expected " + std::string(dtype_name(spec.dtype)) + " " + spec.dims.to_string() +
                                " for input '" + spec.name + "', got " + got);
}

Shape read_shape(napi_env env, napi_value dims, const InputSpec& spec) {
  const uint32_t rank = read_length(env, dims, "dims");
  if (rank > Shape::kMaxRank) mismatch(spec, std::to_string(rank) + " dimensions");
  Shape shape;
  for (uint32_t i = 0; i < rank; ++i) {
    shape.push_back(read_integer(env, read_element(env, dims, i), "dims", 0, int64_t{1} << 53));
  }
  return shape;
}

View read_view(napi_env env, napi_value value, const InputSpec& spec) {
  View view;
  void* data = nullptr;
  napi_value buffer;
  size_t offset;
  if (napi_get_typedarray_info(env, value, &view.type, &view.elements, &data, &buffer, &offset) != napi_ok) {
    mismatch(spec, "data that is not a typed array");
  }
  view.data = static_cast<std::byte*>(data);
  bool detached = false;
  napi_is_detached_arraybuffer(env, buffer, &detached);  // stays false for a SharedArrayBuffer
  if (detached) mismatch(spec, "a typed array whose ArrayBuffer is detached");
  if (view.type == napi_uint8_clamped_array) view.type = napi_uint8_array;
  if (view.type != array_type(spec.dtype)) mismatch(spec, "a typed array of another datatype");
  return view;
}

void require_elements(const InputSpec& spec, const Shape& shape, size_t elements) {
  const auto expected = shape.elements();
  if (!expected || static_cast<uint64_t>(*expected) != elements) {
    mismatch(spec, shape.to_string() + " with " + std::to_string(elements) + " elements");
  }
}

void require_booleans(const InputSpec& spec, const View& view) {
  const auto untrue = first_untrue({view.data, view.elements});
  if (untrue) mismatch(spec, "the value " + std::to_string(*untrue) + " where 0 or 1 is due");
}

// Copies only what a pruned graph takes; lent memory stays as it is.
void gather_live(const View& view, const InputSpec& spec, TensorSource& source, Tensor& tensor) {
  const size_t element = dtype_size(spec.dtype);
  const size_t rows = view.elements / spec.live->width();
  const size_t size = rows * spec.live->live() * element;
  tensor.data = value_or_throw(source.pool.acquire(size));
  spec.live->gather(view.data, spec.live->width() * element, tensor.data.data(), rows, element);
  tensor.shape[tensor.shape.rank() - 1] = static_cast<int64_t>(spec.live->live());
  source.copied += size;
}

void read_numbers(napi_env env, napi_value value, const InputSpec& spec, TensorSource& source, Tensor& tensor) {
  const View view = read_view(env, value, spec);
  require_elements(spec, tensor.shape, view.elements);
  const size_t size = view.elements * dtype_size(spec.dtype);
  if (spec.dtype == DType::kBool) require_booleans(spec, view);
  if (spec.live && size > 0 && tensor.shape[tensor.shape.rank() - 1] == static_cast<int64_t>(spec.live->width())) {
    return gather_live(view, spec, source, tensor);
  }
  if (source.lend && size > 0) {
    source.references.emplace_back(env, value);
    tensor.data = Buffer::lend(view.data, size, [] {});  // the references say when it ends
    return;
  }
  tensor.data = value_or_throw(source.pool.acquire(size));
  if (size > 0) std::memcpy(tensor.data.data(), view.data, size);
  source.copied += size;
}

void read_strings(napi_env env, napi_value value, const InputSpec& spec, TensorSource& source, Tensor& tensor) {
  const uint32_t count = read_length(env, value, "data");
  require_elements(spec, tensor.shape, count);
  tensor.offsets.reserve(count + size_t{1});
  tensor.offsets.push_back(0);
  for (uint32_t i = 0; i < count; ++i) {
    size_t size = 0;
    if (napi_get_value_string_utf8(env, read_element(env, value, i), nullptr, 0, &size) != napi_ok) {
      mismatch(spec, "element " + std::to_string(i) + " that is not a string");
    }
    tensor.offsets.push_back(tensor.offsets.back() + size);
  }
  // One byte more: N-API ends each string with a NUL, which the next one overwrites.
  const Buffer text = value_or_throw(source.pool.acquire(tensor.offsets.back() + 1));
  for (uint32_t i = 0; i < count; ++i) {
    const size_t size = tensor.offsets[i + 1] - tensor.offsets[i];
    size_t written;
    check(napi_get_value_string_utf8(env, read_element(env, value, i), text.as<char>() + tensor.offsets[i], size + 1,
                                     &written));
    if (written != size) mismatch(spec, "an array that changes while it is read");  // by a getter
  }
  tensor.data = text.slice(0, tensor.offsets.back());
  source.copied += tensor.offsets.back();
}

napi_value strings_to_js(napi_env env, const Tensor& tensor) {
  const auto count = static_cast<size_t>(tensor.elements());
  const napi_value array = js_array(env, count);
  for (size_t i = 0; i < count; ++i) {
    set_element(env, array, i, js_string(env, tensor.string_at(static_cast<int64_t>(i))));
  }
  return array;
}

napi_value numbers_to_js(napi_env env, const Tensor& tensor) {
  void* data = nullptr;
  napi_value buffer;
  napi_value array;
  check(napi_create_arraybuffer(env, tensor.byte_size(), &data, &buffer));
  if (tensor.byte_size() > 0) std::memcpy(data, tensor.data.data(), tensor.byte_size());
  check(napi_create_typedarray(env, *array_type(tensor.dtype), static_cast<size_t>(tensor.elements()), buffer, 0,
                               &array));
  return array;
}

napi_value tensor_to_js(napi_env env, const Tensor& tensor, uint64_t& copied) {
  const napi_value dims =
      js_array_of(env, tensor.shape.dims(), [env](int64_t dim) { return js_number(env, static_cast<double>(dim)); });
  copied += tensor.byte_size();
  return JsObject(env)
      .set("dtype", static_cast<double>(tensor.dtype))
      .set("dims", dims)
      .set("data", tensor.dtype == DType::kString ? strings_to_js(env, tensor) : numbers_to_js(env, tensor))
      .value();
}

}  // namespace

Tensor tensor_from_js(napi_env env, napi_value value, const InputSpec& spec, TensorSource& source) {
  Tensor tensor;
  tensor.dtype = spec.dtype;
  const int64_t dtype = read_integer(env, read_property(env, value, "dtype"), "dtype", 0, kDTypeCount - 1);
  tensor.shape = read_shape(env, read_property(env, value, "dims"), spec);
  if (static_cast<DType>(dtype) != spec.dtype) {
    mismatch(spec, std::string(dtype_name(static_cast<DType>(dtype))) + " " + tensor.shape.to_string());
  }
  const napi_value data = read_property(env, value, "data");
  if (spec.dtype == DType::kString) {
    read_strings(env, data, spec, source, tensor);
  } else {
    read_numbers(env, data, spec, source, tensor);
  }
  return tensor;
}

napi_value value_to_js(napi_env env, const Value& value, uint64_t& copied) {
  switch (value.kind) {
    case Value::Kind::kSequence: {
      const napi_value items =
          js_array_of(env, value.items, [&](const Value& item) { return value_to_js(env, item, copied); });
      return JsObject(env).set("items", items).value();
    }
    case Value::Kind::kMap:
      return JsObject(env)
          .set("keys", tensor_to_js(env, *value.keys, copied))
          .set("values", tensor_to_js(env, value.tensor, copied))
          .value();
    case Value::Kind::kTensor:
      break;
  }
  return tensor_to_js(env, value.tensor, copied);
}

}  // namespace ortserve
