// SPDX-License-Identifier: Apache-2.0
#include "core/model_spec.h"

#include <algorithm>

namespace ortserve {

namespace {

template <typename Specs>
int index_of(const Specs& specs, std::string_view name) noexcept {
  for (size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

void ModelSpec::show_unpruned() noexcept {
  for (InputSpec& input : inputs) {
    if (input.live) input.dims[input.dims.rank() - 1] = static_cast<int64_t>(input.live->width());
  }
}

int ModelSpec::input_index(std::string_view name) const noexcept {
  return index_of(inputs, name);
}

int ModelSpec::output_index(std::string_view name) const noexcept {
  return index_of(outputs, name);
}

bool ModelSpec::has_dynamic_inputs() const noexcept {
  return std::ranges::any_of(inputs, [this](const InputSpec& input) {
    const auto dims = input.dims.dims().subspan(batched ? 1 : 0);
    return std::ranges::any_of(dims, [](int64_t dim) { return dim < 0; });
  });
}

}  // namespace ortserve
