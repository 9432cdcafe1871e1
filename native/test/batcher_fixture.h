// SPDX-License-Identifier: Apache-2.0
// A batcher of a model that sums rows, with two workers and a runner whose gate a test can close.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "core/batcher.h"
#include "test/collector.h"
#include "test/fake_runner.h"

namespace ortserve::testing {

class BatcherTest : public ::testing::Test {
 protected:
  void start(BatcherOptions options, CostCurve curve = {}, ModelSpec spec = sum_spec()) {
    batcher = std::make_shared<Batcher>(workers, pool, runner, std::move(spec), std::move(curve), options);
  }
  std::unique_ptr<Request> request(float value, int64_t rows = 1) {
    auto made = std::make_unique<Request>();
    auto tensor = allocate_tensor(pool, DType::kFp32, Shape{rows, 2});
    for (int64_t i = 0; i < rows; ++i) {
      tensor->data.as<float>()[2 * i] = value;
      tensor->data.as<float>()[2 * i + 1] = static_cast<float>(i);
    }
    made->input_bytes = tensor->byte_size();
    made->inputs.push_back(std::move(*tensor));
    made->present = {true};
    made->rows = rows;
    made->shape_key = shape_key_of(*made, true);
    made->sink = &sink;
    made->timings.received = Clock::now();
    return made;
  }
  Status submit(std::unique_ptr<Request> made) {
    Status status = batcher->submit(made);
    EXPECT_EQ(status.ok(), made == nullptr);
    return status;
  }
  // One request stands at the gate, so that whatever follows queues up behind it.
  void occupy_runner() {
    runner->close_gate();
    ASSERT_TRUE(submit(request(0)).ok());
    runner->wait_entered(1);
  }

  BufferPool pool{{}};
  Collector sink;
  WorkerPool workers{2};
  std::shared_ptr<FakeRunner> runner = std::make_shared<FakeRunner>(pool);
  std::shared_ptr<Batcher> batcher;
};

}  // namespace ortserve::testing
