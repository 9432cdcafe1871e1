// SPDX-License-Identifier: Apache-2.0
// Runs at once, runs that are stopped, sessions that come and go.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "test/engine_fixture.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ORTSERVE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ORTSERVE_SANITIZED 1
#endif
#endif

namespace ortserve {
namespace {

using testing::EngineTest;
using testing::model_path;
using testing::tensor_of;
using testing::values_of;

constexpr int64_t kForEver = 10'000'000;  // iterations of the slow model: many minutes

class EngineStop : public EngineTest {
 protected:
  std::vector<Tensor> slow_inputs(int64_t iterations) {
    return {tensor_of<float>(pool_, DType::kFp32, {1, 4}, {1, 2, 3, 4}),
            tensor_of<int64_t>(pool_, DType::kInt64, {1, 1}, {iterations})};
  }
  /// Keeps asking the session to stop until `runs` threads have come back.
  void stop_until(Session& session, const std::atomic<int>& back, int runs) {
    while (back.load() < runs) {
      session.terminate_all();
      std::this_thread::yield();
    }
  }
  static size_t threads() {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
  }
  static size_t resident_pages() {
    size_t total = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident;
  }
};

TEST_F(EngineStop, TerminateAllStopsEveryRun) {
  const auto session = load("slow");
  std::atomic<int> back{0};
  std::vector<Status> statuses(2);
  std::vector<std::thread> threads;
  for (Status& status : statuses) {
    threads.emplace_back([&] {
      std::vector<Value> outputs;
      status = run(*session, slow_inputs(kForEver), outputs);
      ++back;
    });
  }
  stop_until(*session, back, 2);
  for (auto& thread : threads) thread.join();
  for (const Status& status : statuses) EXPECT_EQ(status.code(), Code::kCancelled) << status.message();
  EXPECT_EQ(values_of<float>(run(*session, slow_inputs(1))[0].tensor), (std::vector<float>{1, 2, 3, 4}));
}

TEST_F(EngineStop, TheCallersFlagStopsItsRunOnly) {
  const auto session = load("slow");
  std::atomic<bool> cancelled{false}, never{false};
  Status stopped, finished;
  std::thread victim([&] {
    std::vector<Value> outputs;
    const auto inputs = slow_inputs(kForEver);
    stopped = session->run(inputs, {true, true}, {}, outputs, &cancelled);
  });
  std::vector<Value> outputs;
  const auto inputs = slow_inputs(50);
  std::thread other([&] { finished = session->run(inputs, {true, true}, {}, outputs, &never); });
  cancelled = true;
  victim.join();
  other.join();
  EXPECT_EQ(stopped.code(), Code::kCancelled) << stopped.message();
  EXPECT_TRUE(finished.ok()) << finished.message();
}

TEST_F(EngineStop, AFlagSetInTheMiddleOfARunIsSeen) {
  const auto session = load("slow");
  for (int repetition = 0; repetition < 3; ++repetition) {
    std::atomic<bool> cancelled{false};
    std::atomic<bool> running{false};
    Status status;
    std::thread runner([&] {
      const auto inputs = slow_inputs(kForEver);
      std::vector<Value> outputs;
      running = true;
      status = session->run(inputs, {true, true}, {}, outputs, &cancelled);
    });
    while (!running) std::this_thread::yield();
    for (int runs = 0; runs < 20; ++runs) run(*session, slow_inputs(1));  // gives the other run time to be inside ORT
    cancelled = true;
    runner.join();
    EXPECT_EQ(status.code(), Code::kCancelled);
  }
}

TEST_F(EngineStop, AFlagSetBeforehandRunsNothing) {
  const auto session = load("slow");
  const std::atomic<bool> cancelled{true};
  std::vector<Value> outputs;
  const auto inputs = slow_inputs(kForEver);
  EXPECT_EQ(session->run(inputs, {true, true}, {}, outputs, &cancelled).code(), Code::kCancelled);
  EXPECT_TRUE(outputs.empty());
}

TEST_F(EngineStop, TerminateAllWithoutRunsChangesNothing) {
  const auto session = load("slow");
  session->terminate_all();
  EXPECT_EQ(values_of<float>(run(*session, slow_inputs(1))[0].tensor), (std::vector<float>{1, 2, 3, 4}));
}

TEST_F(EngineStop, FourThreadsEachGetTheirOwnRows) {
  const auto session = load("simple");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int32_t id = 0; id < 4; ++id) {
    threads.emplace_back([&, id] {
      const std::atomic<bool> never{false};
      for (int32_t turn = 0; turn < 200; ++turn) {
        const int64_t rows = 1 + (id + turn) % 5;
        const std::vector<int32_t> a(static_cast<size_t>(rows) * 16, id), b(a.size(), turn);
        const std::vector<Tensor> inputs = {tensor_of(pool_, DType::kInt32, {rows, 16}, a),
                                            tensor_of(pool_, DType::kInt32, {rows, 16}, b)};
        std::vector<Value> outputs;
        const Status status = session->run(inputs, {true, true}, {}, outputs, turn % 2 ? &never : nullptr);
        const bool right = status.ok() && outputs[0].tensor.shape == Shape({rows, 16}) &&
                           values_of<int32_t>(outputs[0].tensor) == std::vector<int32_t>(a.size(), id + turn) &&
                           values_of<int32_t>(outputs[1].tensor) == std::vector<int32_t>(a.size(), id - turn);
        wrong += !right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Whatever the host has: a container limited to one core must not get a thread per core of the machine.
TEST_F(EngineStop, ASessionStartsNoMoreThreadsThanAsked) {
  std::thread([] {}).join();  // with the first thread ThreadSanitizer starts one of its own, which stays
  for (const int asked : {1, 2, 3}) {
    const size_t before = threads();
    SessionConfig config;
    config.model_path = model_path("mlp_tiny");
    config.intra_op_threads = asked;
    const auto session = try_load(config);
    ASSERT_TRUE(session.ok());
    EXPECT_EQ(threads(), before + static_cast<size_t>(asked) - 1) << "the calling thread is one of them";
  }
}

TEST_F(EngineStop, FiveHundredShapesTakeNoMoreMemoryThanAFew) {
  const auto session = load("rowsum");
  const auto run_shapes = [&](int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i) {
      const int64_t width = 50'000 - i;  // the largest comes first: the arena has its size from then on
      const auto x = tensor_of(pool_, DType::kFp32, {1, width}, std::vector<float>(static_cast<size_t>(width), 1));
      EXPECT_EQ(values_of<float>(run(*session, {x})[0].tensor), std::vector<float>{static_cast<float>(width)});
    }
  };
  run_shapes(0, 100);
  const size_t before = resident_pages();
  run_shapes(100, 500);
  const size_t after = resident_pages();
#ifndef ORTSERVE_SANITIZED
  constexpr size_t kPagesOfFourMegabytes = 1024;
  EXPECT_LE(after, before + kPagesOfFourMegabytes);
#else
  static_cast<void>(before + after);
#endif
}

TEST_F(EngineStop, LoadingAndUnloadingKeepsMemoryFlat) {
  const std::string heavy = model_path("wide_output"), broken = model_path("truncated");
  const auto cycle = [&] {
    EXPECT_FALSE(try_load(broken).ok());
    const auto session = load_file(heavy);
    ASSERT_TRUE(session);
    run(*session, {tensor_of<float>(pool_, DType::kFp32, {4, 1}, {1, 2, 3, 4})});
    run(*session, {tensor_of<float>(pool_, DType::kFp32, {4, 1}, {1, 2, 3, 4})});
  };
  for (int i = 0; i < 10; ++i) cycle();
  const size_t before = resident_pages();
  for (int i = 0; i < 50; ++i) cycle();
  const size_t after = resident_pages();
  EXPECT_EQ(pool_.stats().live_bytes, 0u);
#ifndef ORTSERVE_SANITIZED                      // a sanitizer keeps freed memory back on purpose
  constexpr size_t kPagesOfTwoMegabytes = 512;  // one session's run takes more than that: a leak shows 50-fold
  EXPECT_LE(after, before + kPagesOfTwoMegabytes);
#else
  static_cast<void>(before + after);
#endif
}

}  // namespace
}  // namespace ortserve
