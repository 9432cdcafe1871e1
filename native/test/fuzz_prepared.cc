// SPDX-License-Identifier: Apache-2.0
// Fuzzes the predict form of models with plans: columns, attachments and pruned inputs. What decodes must fit the
// graph.
#include "test/fuzz_fixture.h"

namespace ortserve::fuzz {
namespace {

InputSpec input(const char* name, DType dtype, const Shape& dims) {
  InputSpec spec;
  spec.name = name;
  spec.dtype = dtype;
  spec.dims = dims;
  return spec;
}

TabularPlan columns(DType dtype) {
  TabularPlan plan;
  plan.columns.resize(3);
  plan.columns[0].name = "a";
  plan.columns[0].low = -5;
  plan.columns[0].clip = true;
  plan.columns[0].mean = dtype == DType::kFp32 ? 0.5 : 0;
  plan.columns[1].name = "b";
  plan.columns[1].kind = TabularColumn::Kind::kOneHot;
  plan.columns[1].categories = {"x", "1"};
  plan.columns[1].unknown = TabularColumn::Unknown::kIgnore;
  plan.columns[2].name = "id";
  plan.columns[2].kind = TabularColumn::Kind::kOrdinal;
  plan.columns[2].categories = {"x", "true"};
  plan.columns[2].codes = {1, 2};
  plan.columns[2].default_category = "x";
  return plan;
}

ModelSpec planned(uint8_t which) {
  ModelSpec spec;
  spec.name = "m";
  spec.version = "1";
  spec.batched = (which & 1) == 0;
  const int64_t rows = spec.batched ? -1 : 1;
  const DType dtype = (which & 2) ? DType::kFp32 : DType::kInt8;
  spec.inputs = {input("row", dtype, {rows, 4}), input("x", DType::kUint8, {rows, 1, 2, 3}),
                 input("p", DType::kFp32, {rows, 2})};
  require(attach_input_plan(columns(dtype), spec, spec.inputs[0]).ok(), "the columns fit");
  require(attach_input_plan(ImagePlan(), spec, spec.inputs[1]).ok(), "the images fit");
  spec.inputs[2].live = std::make_shared<const LiveIndices>(LiveIndices::parse("0,2", 4).value());
  spec.show_unpruned();
  for (InputSpec& one : spec.inputs) one.optional = (which & 4) != 0;
  spec.outputs.resize(1);
  spec.outputs[0].name = "y";
  return spec;
}

}  // namespace
}  // namespace ortserve::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ortserve;
  using namespace ortserve::fuzz;
  if (size < 2) return 0;
  BufferPool pool({.max_live_bytes = 256u << 20});
  const ModelSpec spec = planned(data[0]);
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  DecodeLimits limits;
  limits.max_elements = 1u << 16;
  WireRequest request;
  for (int i = 0; i < data[1] % 3; ++i) request.attachments.push_back({pool.acquire(6).value(), 2, 1, 3});
  for (Attachment& attachment : request.attachments) std::memset(attachment.data.data(), 7, 6);
  const Status status = decode_request(spec, body_of(pool, text, 0), std::nullopt, limits, pool, request);
  require(request.attachments.empty(), "attachments do not outlive the decoding");
  if (!status.ok()) {
    require(!status.message().empty(), "an error says what is wrong");
    require(status.code() == Code::kInvalidJson || status.code() == Code::kInvalidInput ||
                status.code() == Code::kLimitExceeded,
            "a bad body is the caller's fault");
    return 0;
  }
  ModelSpec graph = spec;
  graph.inputs[2].dims[1] = 2;
  check_request(graph, request);
  return 0;
}
