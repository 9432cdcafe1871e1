// SPDX-License-Identifier: Apache-2.0
// Fuzzes blobs of every datatype, BYTES above all. What is accepted must write back to the same bytes.
#include "core/codec/binary_blob.h"
#include "test/fuzz_fixture.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ortserve;
  using namespace ortserve::fuzz;
  if (size < 3) return 0;
  BufferPool pool({});
  InputSpec spec;
  spec.name = "x";
  spec.dtype = data[0] % 2 ? DType::kString : static_cast<DType>(data[0] / 2 % kDTypeCount);
  const Shape shape = {data[1] % 8, data[1] / 8};
  spec.dims = shape;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 3), size - 3);
  const Buffer blob = body_of(pool, bytes, data[2] % 8);
  CopiedBytes copied;
  auto tensor = tensor_from_blob(spec, shape, blob, pool, copied);
  if (!tensor.ok()) {
    require(tensor.status().code() == Code::kInvalidInput, "a bad blob is the caller's fault");
    return 0;
  }
  check_tensor(spec, *tensor);
  require(copied.in >= bytes.size(), "the blob is counted");
  require(blob_size(*tensor) == bytes.size(), "the blob has the size it came with");
  std::vector<std::byte> written(bytes.size());
  require(write_blob(*tensor, written.data()) == written.data() + written.size(), "all of it is written");
  require(bytes.empty() || std::memcmp(written.data(), bytes.data(), bytes.size()) == 0, "the blob comes back");
  return 0;
}
