// SPDX-License-Identifier: Apache-2.0
// The ceiling: ONNX Runtime's C++ API in a loop, into preallocated outputs, with no server around it.
// ort_loop LIBRARY MODEL SECONDS BATCHES THREADS, e.g. "... 0.5 1,4,16 1,2": every batch with every number of calling
// threads, SECONDS each; prints one line of JSON per combination. One session, intra-op threads 1, like the servers.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "load_ort.h"

namespace {

using ortserve::bench::init_ort;
using ortserve::bench::numbers;
using Clock = std::chrono::steady_clock;

/// Input and output memory of one caller, bound to the model's first input and first output.
class Caller {
 public:
  Caller(Ort::Session& session, int64_t batch) : session_(session) {
    Ort::AllocatorWithDefaultOptions allocator;
    input_name_ = session.GetInputNameAllocated(0, allocator).get();
    output_name_ = session.GetOutputNameAllocated(0, allocator).get();
    std::vector<int64_t> dims = session.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape();
    size_t size = 1;
    for (size_t i = 0; i < dims.size(); ++i) {
      if (i == 0) dims[i] = batch;
      if (dims[i] < 1) dims[i] = 1;
      size *= static_cast<size_t>(dims[i]);
    }
    input_data_.resize(size);
    for (size_t i = 0; i < size; ++i) input_data_[i] = static_cast<float>(i * 2654435761u % 1000) / 1000.f;
    input_ = Ort::Value::CreateTensor<float>(memory_, input_data_.data(), size, dims.data(), dims.size());
    preallocate_output();
  }

  void run() {
    const char* input_names[] = {input_name_.c_str()};
    const char* output_names[] = {output_name_.c_str()};
    session_.Run(options_, input_names, &input_, 1, output_names, &output_, 1);
  }

 private:
  void preallocate_output() {
    run();  // the first run allocates and so tells the shape
    const auto shape = output_.GetTensorTypeAndShapeInfo().GetShape();
    output_data_.resize(output_.GetTensorTypeAndShapeInfo().GetElementCount());
    output_ =
        Ort::Value::CreateTensor<float>(memory_, output_data_.data(), output_data_.size(), shape.data(), shape.size());
  }

  Ort::Session& session_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  Ort::RunOptions options_;
  std::string input_name_, output_name_;
  std::vector<float> input_data_, output_data_;
  Ort::Value input_{nullptr}, output_{nullptr};
};

double runs_per_second(Ort::Session& session, int64_t batch, int64_t threads, double seconds) {
  std::atomic<bool> go{false}, stop{false};
  std::atomic<int64_t> runs{0}, ready{0};
  std::vector<std::thread> callers;
  for (int64_t i = 0; i < threads; ++i) {
    callers.emplace_back([&] {
      Caller caller(session, batch);
      caller.run();
      ++ready;
      while (!go) std::this_thread::yield();
      int64_t mine = 0;
      for (; !stop; ++mine) caller.run();
      runs += mine;
    });
  }
  while (ready < threads) std::this_thread::yield();
  const auto start = Clock::now();
  go = true;
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (auto& caller : callers) caller.join();
  return static_cast<double>(runs) / std::chrono::duration<double>(Clock::now() - start).count();
}

int measure(char** argv) {
  Ort::Env env(ORT_LOGGING_LEVEL_WARNING, "ort_loop");
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1).SetInterOpNumThreads(1).SetExecutionMode(ORT_SEQUENTIAL);
  options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  const std::string model = argv[2];
  Ort::Session session(env, std::basic_string<ORTCHAR_T>(model.begin(), model.end()).c_str(), options);
  for (const int64_t batch : numbers(argv[4])) {
    for (const int64_t threads : numbers(argv[5])) {
      const double runs = runs_per_second(session, batch, threads, std::strtod(argv[3], nullptr));
      std::printf("{\"batch\":%lld,\"threads\":%lld,\"runsPerSecond\":%.2f,\"rowsPerSecond\":%.2f}\n",
                  static_cast<long long>(batch), static_cast<long long>(threads), runs,
                  runs * static_cast<double>(batch));
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: ort_loop LIBRARY MODEL SECONDS BATCHES THREADS\n");
    return 2;
  }
  if (!init_ort("ort_loop", argv[1])) return 1;
  try {
    return measure(argv);
  } catch (const Ort::Exception& error) {
    std::fprintf(stderr, "ort_loop: %s\n", error.what());
    return 1;
  }
}
