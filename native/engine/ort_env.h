// SPDX-License-Identifier: Apache-2.0
// The one ONNX Runtime environment of the process.
#pragma once

#include "engine/engine.h"
#include "engine/ort_api.h"

namespace ortserve {

struct Engine {
  EngineInfo info;
  Ort::Env env;
  Ort::MemoryInfo cpu_memory;  ///< where the core's buffers live
};

/// What start_engine() made, valid for the rest of the process; null before it succeeded. Thread-safe.
const Engine* running_engine() noexcept;

}  // namespace ortserve
