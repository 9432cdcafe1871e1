// SPDX-License-Identifier: Apache-2.0
// The ceiling on a device: ONNX Runtime's C++ API in a loop with IoBinding, inputs and outputs in memory that the
// device reads directly, and no server around it. device_loop LIBRARY MODEL SECONDS BATCHES CALLERS PROVIDER [KEY=VALUE
// ...]: PROVIDER is cpu, cuda or tensorrt; every batch with every number of callers, SECONDS each; prints one line of
// JSON per combination. Latencies are of one run.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "load_ort.h"

namespace {

using ortserve::bench::init_ort;
using ortserve::bench::numbers;
using Clock = std::chrono::steady_clock;

struct Arguments {
  std::string model;
  double seconds;
  std::vector<int64_t> batches, callers;
  std::string provider;
  std::unordered_map<std::string, std::string> options;
};

size_t element_size(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return 4;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
      return 2;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return 8;
    default:
      return 1;
  }
}

/// Input and output memory of one caller, bound to the model's first input and first output.
class Caller {
 public:
  Caller(Ort::Session& session, const Arguments& arguments, int64_t batch)
      : session_(session),
        memory_(arguments.provider == "cpu"
                    ? Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault)
                    : Ort::MemoryInfo("CudaPinned", OrtDeviceAllocator, 0, OrtMemTypeCPUOutput)),
        allocator_(session, memory_),
        binding_(session) {
    Ort::AllocatorWithDefaultOptions names;
    input_name_ = session.GetInputNameAllocated(0, names).get();
    output_name_ = session.GetOutputNameAllocated(0, names).get();
    const auto info = session.GetInputTypeInfo(0);
    const auto tensor = info.GetTensorTypeAndShapeInfo();
    std::vector<int64_t> dims = tensor.GetShape();
    dims[0] = batch;
    input_ = Ort::Value::CreateTensor(allocator_, dims.data(), dims.size(), tensor.GetElementType());
    const size_t count = input_.GetTensorTypeAndShapeInfo().GetElementCount();
    std::memset(input_.GetTensorMutableRawData(), 0, count * element_size(tensor.GetElementType()));
    if (tensor.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) {
      auto* const values = input_.GetTensorMutableData<float>();
      for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i * 2654435761u % 1000) / 1000.f;
    }
    preallocate_output();
  }

  /// Copies to the device, runs, and has the output on the host.
  void run() {
    binding_.BindInput(input_name_.c_str(), input_);
    binding_.SynchronizeInputs();
    session_.Run(options_, binding_);
    binding_.SynchronizeOutputs();
  }

 private:
  void preallocate_output() {
    binding_.BindInput(input_name_.c_str(), input_);
    binding_.BindOutput(output_name_.c_str(), Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault));
    session_.Run(options_, binding_);  // allocates and so tells the shape
    const auto info = binding_.GetOutputValues()[0].GetTensorTypeAndShapeInfo();
    const auto dims = info.GetShape();
    output_memory_ = allocator_.GetAllocation(info.GetElementCount() * element_size(info.GetElementType()));
    // As memory of the CPU: ONNX Runtime fails on an output that it knows to be page-locked.
    output_ =
        Ort::Value::CreateTensor(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault), output_memory_.get(),
                                 output_memory_.size(), dims.data(), dims.size(), info.GetElementType());
    binding_.ClearBoundOutputs();
    binding_.BindOutput(output_name_.c_str(), output_);
  }

  Ort::Session& session_;
  Ort::MemoryInfo memory_;
  Ort::Allocator allocator_;  // before what it allocates
  Ort::RunOptions options_;
  std::string input_name_, output_name_;
  Ort::MemoryAllocation output_memory_{allocator_, nullptr, 0};
  Ort::Value input_{nullptr}, output_{nullptr};
  Ort::IoBinding binding_;
};

struct Measured {
  double runs_per_second = 0;
  double p50 = 0, p99 = 0;  // microseconds
};

double percentile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(share * static_cast<double>(sorted.size())))];
}

Measured measure(Ort::Session& session, const Arguments& arguments, int64_t batch, int64_t callers) {
  std::atomic<bool> go{false}, stop{false};
  std::atomic<int64_t> ready{0};
  std::vector<std::vector<double>> micros(static_cast<size_t>(callers));
  std::vector<std::thread> threads;
  for (auto& mine : micros) {
    threads.emplace_back([&] {
      Caller caller(session, arguments, batch);
      for (int i = 0; i < 3; ++i) caller.run();
      ++ready;
      while (!go) std::this_thread::yield();
      while (!stop) {
        const auto start = Clock::now();
        caller.run();
        mine.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
      }
    });
  }
  while (ready < callers) std::this_thread::yield();
  const auto start = Clock::now();
  go = true;
  std::this_thread::sleep_for(std::chrono::duration<double>(arguments.seconds));
  stop = true;
  for (auto& thread : threads) thread.join();
  const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  std::vector<double> all;
  for (const auto& mine : micros) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  return {static_cast<double>(all.size()) / elapsed, percentile(all, 0.5), percentile(all, 0.99)};
}

Ort::Session make_session(const Ort::Env& env, const Arguments& arguments) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1).SetInterOpNumThreads(1).SetExecutionMode(ORT_SEQUENTIAL);
  options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  if (arguments.provider == "tensorrt") {
    Ort::TensorRTProviderOptions provider;
    provider.Update(arguments.options);
    options.AppendExecutionProvider_TensorRT_V2(*provider);
  }
  if (arguments.provider != "cpu") {
    Ort::CUDAProviderOptions provider;
    std::unordered_map<std::string, std::string> cuda = {{"cudnn_conv_algo_search", "HEURISTIC"}};
    for (const auto& [key, value] : arguments.options) {
      if (!key.starts_with("trt_")) cuda[key] = value;
    }
    provider.Update(cuda);
    options.AppendExecutionProvider_CUDA_V2(*provider);
  }
  return {env, std::basic_string<ORTCHAR_T>(arguments.model.begin(), arguments.model.end()).c_str(), options};
}

int measure_all(const Arguments& arguments) {
  Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "device_loop");
  Ort::Session session = make_session(env, arguments);
  for (const int64_t batch : arguments.batches) {
    for (const int64_t callers : arguments.callers) {
      const Measured found = measure(session, arguments, batch, callers);
      std::printf("{\"batch\":%lld,\"callers\":%lld,\"rowsPerSecond\":%.2f,\"p50Micros\":%.1f,\"p99Micros\":%.1f}\n",
                  static_cast<long long>(batch), static_cast<long long>(callers),
                  found.runs_per_second * static_cast<double>(batch), found.p50, found.p99);
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) {
    std::fprintf(stderr, "usage: device_loop LIBRARY MODEL SECONDS BATCHES CALLERS PROVIDER [KEY=VALUE ...]\n");
    return 2;
  }
  Arguments arguments{argv[2], std::strtod(argv[3], nullptr), numbers(argv[4]), numbers(argv[5]), argv[6], {}};
  for (int i = 7; i < argc; ++i) {
    const std::string_view pair = argv[i];
    const size_t equals = std::min(pair.find('='), pair.size() - 1);
    arguments.options[std::string(pair.substr(0, equals))] = pair.substr(equals + 1);
  }
  if (!init_ort("device_loop", argv[1])) return 1;
  try {
    return measure_all(arguments);
  } catch (const Ort::Exception& error) {
    std::fprintf(stderr, "device_loop: %s\n", error.what());
    return 1;
  }
}
