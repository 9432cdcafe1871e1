// SPDX-License-Identifier: Apache-2.0
// A library that needs another: what the check of provider libraries reads.
extern "C" int cuInit(unsigned);

extern "C" __attribute__((visibility("default"))) int GetProvider() {
  return cuInit(0);
}
