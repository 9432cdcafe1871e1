// SPDX-License-Identifier: Apache-2.0
#include "core/model_spec.h"

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

int ModelSpec::input_index(std::string_view name) const noexcept {
  return index_of(inputs, name);
}

int ModelSpec::output_index(std::string_view name) const noexcept {
  return index_of(outputs, name);
}

}  // namespace ortserve
