// SPDX-License-Identifier: Apache-2.0
#include "core/result_blob.h"

#include <cstring>

namespace ortserve {

namespace {

constexpr int kMaxDepth = 8;  // of sequences in sequences

class Writer {
 public:
  explicit Writer(size_t max_bytes) : max_bytes_(max_bytes) {}

  void bytes(const void* data, size_t size) {
    full_ = full_ || size > max_bytes_ - bytes_.size();
    if (full_ || size == 0) return;
    const auto* const begin = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
  }
  template <typename T>
  void number(T value) {
    bytes(&value, sizeof value);
  }

  void tensor(const Tensor& tensor) {
    number(static_cast<uint8_t>(tensor.dtype));
    number(static_cast<uint8_t>(tensor.shape.rank()));
    for (const int64_t dim : tensor.shape.dims()) number(dim);
    if (tensor.dtype != DType::kString) {
      bytes(tensor.data.data(), tensor.data.size());
      return;
    }
    // Lengths, since a row of a batch has offsets into the whole of it.
    const int64_t elements = tensor.elements();
    for (int64_t i = 0; i < elements; ++i) number(static_cast<uint64_t>(tensor.string_at(i).size()));
    for (int64_t i = 0; i < elements; ++i) bytes(tensor.string_at(i).data(), tensor.string_at(i).size());
  }

  void value(const Value& value) {
    number(static_cast<uint8_t>(value.kind));
    switch (value.kind) {
      case Value::Kind::kTensor:
        return tensor(value.tensor);
      case Value::Kind::kMap:
        tensor(*value.keys);
        return tensor(value.tensor);
      case Value::Kind::kSequence:
        number(static_cast<uint32_t>(value.items.size()));
        for (const Value& item : value.items) this->value(item);
    }
  }

  bool full() const { return full_; }
  std::vector<std::byte>& written() { return bytes_; }

 private:
  const size_t max_bytes_;
  std::vector<std::byte> bytes_;
  bool full_ = false;
};

// Believes nothing: whatever does not fit makes it fail, and nothing is allocated beyond the size of what is read.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool done() const { return !failed_ && rest_.empty(); }

  std::vector<Value> values(size_t count) {
    std::vector<Value> values;
    for (size_t i = 0; i < count && !failed_; ++i) values.push_back(value(0));
    return values;
  }

 private:
  std::span<const std::byte> take(uint64_t size) {
    failed_ = failed_ || size > rest_.size();
    if (failed_) return {};
    const auto taken = rest_.first(static_cast<size_t>(size));
    rest_ = rest_.subspan(static_cast<size_t>(size));
    return taken;
  }

  template <typename T>
  T number() {
    T value{};
    const auto bytes = take(sizeof value);
    if (!failed_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  Tensor tensor() {
    Tensor tensor;
    const auto dtype = number<uint8_t>();
    const auto rank = number<uint8_t>();
    failed_ = failed_ || dtype >= kDTypeCount || rank > Shape::kMaxRank;
    for (int d = 0; d < rank && !failed_; ++d) tensor.shape.push_back(number<int64_t>());
    const std::optional<int64_t> elements = tensor.shape.elements();
    failed_ = failed_ || !elements;
    if (failed_) return tensor;
    tensor.dtype = static_cast<DType>(dtype);
    if (tensor.dtype == DType::kString) {
      strings(tensor, static_cast<uint64_t>(*elements));
    } else {
      numbers(tensor, static_cast<uint64_t>(*elements));
    }
    return tensor;
  }

  void numbers(Tensor& tensor, uint64_t elements) {
    const uint64_t width = dtype_size(tensor.dtype);
    failed_ = failed_ || elements > rest_.size() / width;
    if (!failed_) copy(tensor, elements * width);
  }

  void strings(Tensor& tensor, uint64_t elements) {
    failed_ = failed_ || elements > rest_.size() / sizeof(uint64_t);
    if (failed_) return;
    tensor.offsets.reserve(elements + 1);
    tensor.offsets.push_back(0);
    for (uint64_t i = 0; i < elements && !failed_; ++i) {
      const auto size = number<uint64_t>();
      failed_ = failed_ || size > rest_.size();  // so the sum cannot overflow either: it is bounded below, too
      failed_ = failed_ || tensor.offsets.back() + size > rest_.size();
      tensor.offsets.push_back(tensor.offsets.back() + size);
    }
    copy(tensor, tensor.offsets.back());
  }

  void copy(Tensor& tensor, uint64_t size) {
    const auto bytes = take(size);
    tensor.data = Buffer::copy_of(bytes);
    failed_ = failed_ || tensor.data.size() != bytes.size();  // no memory
  }

  Value value(int depth) {
    Value value;
    const auto kind = number<uint8_t>();
    failed_ = failed_ || kind > static_cast<uint8_t>(Value::Kind::kMap) || depth > kMaxDepth;
    if (failed_) return value;
    value.kind = static_cast<Value::Kind>(kind);
    if (value.kind == Value::Kind::kTensor) {
      value.tensor = tensor();
    } else if (value.kind == Value::Kind::kMap) {
      value.keys = std::make_shared<const Tensor>(tensor());
      value.tensor = tensor();
    } else {
      const auto count = number<uint32_t>();
      failed_ = failed_ || count > rest_.size();  // each item takes a byte or more
      for (uint32_t i = 0; i < count && !failed_; ++i) value.items.push_back(this->value(depth + 1));
    }
    return value;
  }

  std::span<const std::byte> rest_;
  bool failed_ = false;
};

// Of key and content together.
CacheKey seal_of(const CacheKeyMaker& keys, const SharedKey& key, std::span<const std::byte> content) {
  const CacheKey inner = keys.digest_of(content);
  const std::array<uint64_t, 6> parts{key.model.low,    key.model.high, key.request.low,
                                      key.request.high, inner.low,      inner.high};
  return keys.digest_of(std::as_bytes(std::span(parts)));
}

}  // namespace

std::optional<std::vector<std::byte>> encode_result(const CacheKeyMaker& keys, const SharedKey& key,
                                                    std::span<const Value> outputs, size_t max_bytes) {
  if (max_bytes < sizeof(CacheKey)) return std::nullopt;
  Writer writer(max_bytes - sizeof(CacheKey));
  for (const Value& output : outputs) writer.value(output);
  if (writer.full()) return std::nullopt;
  std::vector<std::byte> blob = std::move(writer.written());
  const CacheKey seal = seal_of(keys, key, blob);
  const auto* const begin = reinterpret_cast<const std::byte*>(&seal);
  blob.insert(blob.end(), begin, begin + sizeof seal);
  return blob;
}

std::optional<std::vector<Value>> decode_result(const CacheKeyMaker& keys, const SharedKey& key,
                                                std::span<const std::byte> blob, size_t count) {
  CacheKey seal;
  if (blob.size() < sizeof seal) return std::nullopt;
  const auto content = blob.first(blob.size() - sizeof seal);
  std::memcpy(&seal, blob.data() + content.size(), sizeof seal);
  if (seal != seal_of(keys, key, content)) return std::nullopt;
  Reader reader(content);
  std::vector<Value> values = reader.values(count);
  if (!reader.done()) return std::nullopt;
  return values;
}

}  // namespace ortserve
