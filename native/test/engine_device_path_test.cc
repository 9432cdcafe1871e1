// SPDX-License-Identifier: Apache-2.0
// The ways of tensors to a device, on the CPU: through the same bindings, pools and fixed addresses as on a GPU.
// Numbers must not depend on the way.
#include <array>
#include <atomic>
#include <thread>

#include "core/synthetic_inputs.h"
#include "engine/device_copy.h"
#include "engine/fixed_runs.h"
#include "engine/ort_env.h"
#include "engine/run_thread.h"
#include "test/engine_fixture.h"

namespace ortserve {
namespace {

using testing::EngineTest;
using testing::model_path;
using testing::strings_of;
using testing::tensor_of;
using testing::values_of;

class DevicePathTest : public EngineTest {
 protected:
  std::shared_ptr<Session> load_by(const std::string& path, const std::string& name, ShapeHints hints = {}) {
    SessionConfig config;
    config.model_path = model_path(name);
    config.options["ortserve.device_path"] = path;
    config.shapes = std::move(hints);
    auto session = try_load(config);
    if (session.ok()) return *session;
    ADD_FAILURE() << session.status().message();
    return nullptr;
  }
  /// Inputs in the memory that the session likes best.
  static std::vector<Tensor> inputs_of(Session& session, int64_t rows) {
    ModelSpec spec = session.spec();
    spec.batched = spec.inputs[0].dims[0] < 0;
    auto inputs = synthetic_inputs(spec, session.batch_pool(), rows, 3);
    EXPECT_TRUE(inputs.ok());
    return std::move(*inputs);
  }
  static void expect_same(const Value& a, const Value& b) {
    ASSERT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.tensor.shape, b.tensor.shape);
    EXPECT_EQ(a.tensor.offsets, b.tensor.offsets);
    EXPECT_EQ(values_of<uint8_t>(a.tensor), values_of<uint8_t>(b.tensor));
    ASSERT_EQ(a.keys == nullptr, b.keys == nullptr);
    if (a.keys) {
      EXPECT_EQ(values_of<uint8_t>(*a.keys), values_of<uint8_t>(*b.keys));
    }
    ASSERT_EQ(a.items.size(), b.items.size());
    for (size_t i = 0; i < a.items.size(); ++i) expect_same(a.items[i], b.items[i]);
  }
};

TEST_F(DevicePathTest, RefusesAWayThatDoesNotExist) {
  SessionConfig config;
  config.model_path = model_path("mlp_tiny");
  config.options["ortserve.device_path"] = "fast";
  EXPECT_NE(try_load(config).status().message().find("one of: auto direct bound fixed"), std::string::npos);
}

TEST_F(DevicePathTest, BoundRunsGiveTheSameValuesForEveryKindOfModel) {
  for (const char* name : {"mlp_tiny", "rowsum", "simple", "two_inputs_mixed", "wide_output", "zipmap", "zipmap_int",
                           "seq_tensor", "scalar_fp32", "fixed_batch", "ident_fp16", "ident_int64", "ident_bool"}) {
    SCOPED_TRACE(name);
    const auto direct = load_by("direct", name);
    const auto bound = load_by("bound", name);
    ASSERT_TRUE(direct && bound);
    if (direct->spec().inputs[0].dims.rank() == 0) continue;
    for (int round = 0; round < 3; ++round) {  // the third writes into outputs whose shape is known by then
      const auto expected = run(*direct, inputs_of(*direct, 2));
      const auto got = run(*bound, inputs_of(*bound, 2));
      ASSERT_EQ(expected.size(), got.size());
      for (size_t i = 0; i < got.size(); ++i) expect_same(expected[i], got[i]);
    }
  }
}

TEST_F(DevicePathTest, BoundRunsTakeStringsAndMemoryOfAnyKind) {
  const auto strings = load_by("bound", "ident_string");
  const auto given = strings_of(pool_, {2}, {"a", "bcd"});
  EXPECT_EQ(testing::strings_in(run(*strings, {given})[0].tensor), testing::strings_in(given));
  const auto bound = load_by("bound", "mlp_tiny");
  const auto plain = tensor_of<float>(pool_, DType::kFp32, {1, 4}, {1, 2, 3, 4});
  EXPECT_EQ(values_of<float>(run(*bound, {plain})[0].tensor),
            values_of<float>(run(*load("mlp_tiny"), {plain})[0].tensor));
}

TEST_F(DevicePathTest, OutputsLieInTheSessionsMemoryOnceTheirShapeIsKnown) {
  const auto bound = load_by("bound", "mlp_tiny");
  EXPECT_NE(&bound->batch_pool(), &pool_);
  run(*bound, inputs_of(*bound, 2));
  const auto outputs = run(*bound, inputs_of(*bound, 5));
  EXPECT_EQ(outputs[0].tensor.data.pool(), &bound->batch_pool());
  EXPECT_EQ(&load_by("direct", "mlp_tiny")->batch_pool(), &pool_);
}

TEST_F(DevicePathTest, AnOutputMayBeWantedTwice) {
  const auto bound = load_by("bound", "mlp_tiny");
  for (int round = 0; round < 2; ++round) {
    const std::vector<uint16_t> twice = {0, 0};
    std::vector<Value> outputs;
    const auto inputs = inputs_of(*bound, 1);
    ASSERT_TRUE(bound->run(inputs, {true}, twice, outputs, nullptr).ok());
    ASSERT_EQ(outputs.size(), 2u);
    expect_same(outputs[0], outputs[1]);
  }
}

TEST_F(DevicePathTest, ABoundRunThatFailsLeavesTheSessionUsable) {
  const auto bound = load_by("bound", "rowsum");
  std::vector<Value> outputs;
  const auto wrong = tensor_of<int32_t>(pool_, DType::kInt32, {1, 3}, {1, 2, 3});
  EXPECT_FALSE(run(*bound, {wrong}, outputs).ok());
  EXPECT_TRUE(outputs.empty());
  std::atomic<bool> cancelled{true};
  const auto inputs = inputs_of(*bound, 2);
  EXPECT_EQ(bound->run(inputs, {true}, {}, outputs, &cancelled).code(), Code::kCancelled);
  EXPECT_TRUE(run(*bound, inputs, outputs).ok());
}

TEST_F(DevicePathTest, ARunWithoutRoomIsTriedAgainAndLeavesTheSessionUsable) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's operator new ends the process instead of throwing";
#endif
  const auto bound = load_by("bound", "big_output");
  const auto repeated = [&](int64_t times) {
    return std::vector<Tensor>{tensor_of<float>(pool_, DType::kFp32, {1, 1}, {7}),
                               tensor_of<int64_t>(pool_, DType::kInt64, {1}, {times})};
  };
  std::vector<Value> outputs;
  for (int round = 0; round < 2; ++round) {
    const Status status = run(*bound, repeated(int64_t{1} << 44), outputs);
    EXPECT_EQ(status.code(), Code::kOutOfMemory) << status.message();
    EXPECT_TRUE(outputs.empty());
    EXPECT_EQ(values_of<float>(run(*bound, repeated(3))[0].tensor), (std::vector<float>{7, 7, 7}));
  }
}

TEST_F(DevicePathTest, OutputsOutliveTheirSession) {
  auto bound = load_by("bound", "mlp_tiny");
  const auto first = run(*bound, inputs_of(*bound, 1));
  auto kept = run(*bound, inputs_of(*bound, 1));
  bound.reset();
  EXPECT_EQ(values_of<float>(kept[0].tensor), values_of<float>(first[0].tensor));
  std::thread elsewhere([kept = std::move(kept)]() mutable { kept.clear(); });
  elsewhere.join();
}

TEST_F(DevicePathTest, SeveralRunsMayBeInFlight) {
  for (const char* path : {"bound", "fixed"}) {
    SCOPED_TRACE(path);
    const auto session = load_by(path, "mlp_tiny", {.pad_to = {1, 2, 4}});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int64_t i = 0; i < 50; ++i) {
          const int64_t rows = 1 + (i + t) % 5;  // of which 1, 2 and 4 have addresses of their own
          const auto x = tensor_of<float>(session->batch_pool(), DType::kFp32, {rows, 4},
                                          std::vector<float>(static_cast<size_t>(rows) * 4, static_cast<float>(t)));
          const auto outputs = run(*session, {x});
          const auto values = values_of<float>(outputs[0].tensor);
          const size_t width = values.size() / static_cast<size_t>(rows);
          for (size_t v = width; v < values.size(); ++v) EXPECT_NEAR(values[v], values[v % width], 1e-6);
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
}

TEST_F(DevicePathTest, FixedAddressesGiveTheSameValues) {
  const auto direct = load_by("direct", "mlp_tiny");
  const auto fixed = load_by("fixed", "mlp_tiny", {.pad_to = {1, 2, 4}});
  ASSERT_TRUE(fixed->has_fixed_shapes());
  ASSERT_EQ(fixed->warm_shapes().size(), 3u);
  EXPECT_TRUE(run_shapes(*fixed, fixed->spec(), pool_, fixed->warm_shapes()).ok());
  for (const int64_t rows : {1, 2, 3, 4, 9, 2}) {  // 3 and 9 run in the ordinary way
    const auto expected = run(*direct, inputs_of(*direct, rows));
    const auto got = run(*fixed, inputs_of(*fixed, rows));
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) expect_same(expected[i], got[i]);
  }
}

TEST_F(DevicePathTest, FixedAddressesNeedKnownSizesAndNumbers) {
  const auto refused = [&](const std::string& name, ShapeHints hints) {
    SessionConfig config;
    config.model_path = model_path(name);
    config.options["ortserve.device_path"] = "fixed";
    config.shapes = std::move(hints);
    const auto session = try_load(config);
    return session.ok() ? Status() : session.status();
  };
  EXPECT_EQ(refused("rowsum", {.pad_to = {2}}).code(), Code::kInvalidArgument);
  EXPECT_TRUE(refused("rowsum", {.pad_to = {2}, .dims = {{"width", {3, 5}}}}).ok());
  EXPECT_EQ(refused("zipmap", {.pad_to = {2}}).code(), Code::kUnsupported);
  EXPECT_EQ(refused("ident_string", {.pad_to = {2}}).code(), Code::kUnsupported);
}

/// The CPU's copy, which is counted and fails on request.
class FaultyCopy final : public DeviceCopy {
 public:
  bool takes_host_memory() const noexcept override { return true; }
  Status to_device(void* device, const std::byte* host, size_t size) noexcept override {
    ++copies;
    if (!next.ok()) return std::exchange(next, Status());
    return real_->to_device(device, host, size);
  }
  Status to_host(std::byte* host, const void* device, size_t size) noexcept override {
    ++copies;
    return real_->to_host(host, device, size);
  }
  int copies = 0;
  Status next;  // of the next copy to the device

 private:
  std::unique_ptr<DeviceCopy> real_ = host_copy();
};

class FixedRunsTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    const auto plain = load("mlp_tiny");
    spec_ = plain->spec();
    auto copy = std::make_unique<FaultyCopy>();
    copy_ = copy.get();
    auto runs = FixedRuns::create(
        {std::make_shared<Ort::Session>(running_engine()->env, model_path("mlp_tiny").c_str(), Ort::SessionOptions()),
         {{Shape{1, 4}}, {Shape{2, 4}}},
         std::move(copy),
         &gate_},
        spec_);
    ASSERT_TRUE(runs.ok()) << runs.status().message();
    runs_ = std::move(*runs);
  }
  std::vector<Tensor> rows(int64_t count) {
    return {tensor_of<float>(pool_, DType::kFp32, {count, 4}, std::vector<float>(static_cast<size_t>(count) * 4, 2))};
  }
  Status run_set(int set, int64_t count) {
    outputs_.clear();
    const std::vector<uint16_t> wanted = all_outputs(spec_);
    return runs_->run(set, rows(count), wanted, outputs_, pool_, nullptr);
  }

  RunGate gate_;
  ModelSpec spec_;
  FaultyCopy* copy_ = nullptr;
  std::unique_ptr<FixedRuns> runs_;
  std::vector<Value> outputs_;
};

TEST_F(FixedRunsTest, FindsTheSetOfAShape) {
  EXPECT_EQ(runs_->find(rows(1), {true}), 0);
  EXPECT_EQ(runs_->find(rows(2), {true}), 1);
  EXPECT_EQ(runs_->find(rows(3), {true}), -1);
  EXPECT_EQ(runs_->find(rows(1), {false}), -1);
}

TEST_F(FixedRunsTest, EachSetIsCapturedOnce) {
  EXPECT_EQ(runs_->captured(), 0u);
  ASSERT_TRUE(run_set(0, 1).ok());
  EXPECT_EQ(runs_->captured(), 1u);
  const int first = copy_->copies;
  ASSERT_TRUE(run_set(0, 1).ok());
  EXPECT_EQ(copy_->copies - first, 1 + static_cast<int>(spec_.outputs.size()));  // in and out, no preparation
  ASSERT_TRUE(run_set(1, 2).ok());
  EXPECT_EQ(runs_->captured(), 2u);
}

TEST_F(FixedRunsTest, AFailureWhilePreparingIsTriedAgain) {
  copy_->next = Status(Code::kOutOfMemory, "no device memory");
  EXPECT_EQ(run_set(0, 1).code(), Code::kOutOfMemory);
  EXPECT_EQ(runs_->captured(), 0u);
  ASSERT_TRUE(run_set(0, 1).ok());
  copy_->next = Status(Code::kRunFailed, "lost");
  EXPECT_EQ(run_set(0, 1).code(), Code::kRunFailed);
  ASSERT_TRUE(run_set(0, 1).ok());
  EXPECT_EQ(values_of<float>(outputs_[0].tensor), values_of<float>(run(*load("mlp_tiny"), rows(1))[0].tensor));
}

TEST_F(FixedRunsTest, TheWrongSizeForASetIsRefused) {
  ASSERT_TRUE(run_set(0, 1).ok());
  EXPECT_EQ(run_set(0, 2).code(), Code::kInvalidInput);
}

TEST(RunThread, DoesAllWorkOnOneThread) {
  RunThread thread;
  std::thread::id first;
  const auto fail = [&] {
    first = std::this_thread::get_id();
    return Status(Code::kRunFailed, "as told");
  };
  EXPECT_EQ(thread.run(fail).code(), Code::kRunFailed);
  EXPECT_NE(first, std::this_thread::get_id());
  int calls = 0;  // unguarded: only one piece of work goes on at a time
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        const Status outcome = thread.run([&] {
          ++calls;
          return std::this_thread::get_id() == first ? Status() : Status(Code::kInternal, "another thread");
        });
        EXPECT_TRUE(outcome.ok());
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(calls, 400);
}

TEST(RunGate, WhoIsAloneIsAlone) {
  RunGate gate;
  std::atomic<int> inside{0};
  std::atomic<bool> alone{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const bool wants_alone = (i + t) % 10 == 0;
        const GatePass pass(&gate, wants_alone);
        if (wants_alone) {
          EXPECT_FALSE(alone.exchange(true));
          EXPECT_EQ(inside, 0);
          alone = false;
        } else {
          ++inside;
          EXPECT_FALSE(alone);
          --inside;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(CudaCopy, UsesTheDriversFunctions) {
  EXPECT_EQ(cuda_copy(0, "libno-such-cuda.so.1").status().code(), Code::kProviderUnavailable);
  EXPECT_NE(cuda_copy(0, ORTSERVE_FAKE_NVML).status().message().find("is no CUDA driver"), std::string::npos);
  EXPECT_NE(cuda_copy(7, ORTSERVE_FAKE_CUDA).status().message().find("CUDA device 7 cannot be used"),
            std::string::npos);
  auto copy = cuda_copy(0, ORTSERVE_FAKE_CUDA);
  ASSERT_TRUE(copy.ok()) << copy.status().message();
  std::array<std::byte, 4> host = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  std::array<std::byte, 4> device{};
  std::array<std::byte, 4> back{};
  EXPECT_TRUE((*copy)->to_device(device.data(), host.data(), host.size()).ok());
  EXPECT_TRUE((*copy)->to_host(back.data(), device.data(), back.size()).ok());
  EXPECT_EQ(back, host);
  EXPECT_TRUE((*copy)->to_device(nullptr, nullptr, 0).ok());
  EXPECT_EQ((*copy)->to_device(nullptr, host.data(), 4).code(), Code::kOutOfMemory);  // the fake's way to run out
}

}  // namespace
}  // namespace ortserve
