// SPDX-License-Identifier: Apache-2.0
#include "core/solve/normal_equations.h"

#include <limits>

#include "solve_fixture.h"

namespace ortserve {
namespace {

using testing::Matrix;
using testing::random_floats;

struct Problem {
  size_t rows, dimension, outputs;
  std::vector<float> x, y, anchor;

  Problem(size_t row_count, size_t x_width, size_t y_width, uint32_t seed)
      : rows(row_count), dimension(x_width), outputs(y_width) {
    std::mt19937 random(seed);
    x = random_floats(random, rows * dimension, 3);
    y = random_floats(random, rows * outputs);
    anchor = random_floats(random, outputs * (dimension + 1));
  }

  double x_at(size_t row, size_t column) const {
    return column == dimension ? 1 : static_cast<double>(x[row * dimension + column]);
  }

  // The definition, in double.
  std::vector<double> reference(double ratio) const {
    const size_t width = dimension + 1;
    Matrix gram(width, std::vector<double>(width));
    Matrix right(width, std::vector<double>(outputs));
    for (size_t row = 0; row < rows; ++row) {
      for (size_t i = 0; i < width; ++i) {
        for (size_t j = 0; j < width; ++j) gram[i][j] += x_at(row, i) * x_at(row, j);
        for (size_t j = 0; j < outputs; ++j) right[i][j] += x_at(row, i) * static_cast<double>(y[row * outputs + j]);
      }
    }
    double lambda = 0;
    for (size_t i = 0; i < width; ++i) lambda += ratio * gram[i][i] / static_cast<double>(width);
    for (size_t i = 0; i < width; ++i) {
      gram[i][i] += lambda;
      for (size_t j = 0; j < outputs; ++j) right[i][j] += lambda * static_cast<double>(anchor[j * width + i]);
    }
    const Matrix solved = testing::eliminate(gram, right);
    std::vector<double> weights(outputs * width);
    for (size_t j = 0; j < outputs; ++j) {
      for (size_t i = 0; i < width; ++i) weights[j * width + i] = solved[i][j];
    }
    return weights;
  }
};

NormalEquations make(const Problem& problem, const TileKernels& kernels = tile_kernels()) {
  auto made = NormalEquations::create(problem.dimension, problem.outputs, kernels);
  EXPECT_TRUE(made.ok());
  return std::move(made).value();
}

void expect_near(const std::vector<float>& got, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], tolerance) << "at " << i;
}

std::string message_of(const Status& status, Code code) {
  EXPECT_EQ(status.code(), code);
  return status.message();
}

TEST(NormalEquations, RefuseSizesOutOfRange) {
  const auto refused = [](size_t dimension, size_t outputs) {
    return message_of(NormalEquations::create(dimension, outputs).status(), Code::kInvalidArgument);
  };
  EXPECT_EQ(refused(0, 1), "expected 1 to 8192 for dimension, got 0");
  EXPECT_EQ(refused(8193, 1), "expected 1 to 8192 for dimension, got 8193");
  EXPECT_EQ(refused(1, 0), "expected 1 to 65536 for outputs, got 0");
  EXPECT_EQ(refused(1, 65537), "expected 1 to 65536 for outputs, got 65537");
}

TEST(NormalEquations, RefuseRowsThatDoNotMatch) {
  const Problem problem(4, 3, 2, 1);
  NormalEquations equations = make(problem);
  const auto refused = [&](size_t x, size_t y) {
    return message_of(equations.add({problem.x.data(), x}, {problem.y.data(), y}, 1), Code::kInvalidArgument);
  };
  EXPECT_EQ(refused(4, 2), "expected rows of 3 and 2 numbers for x and y, got 4 and 2 numbers");
  EXPECT_EQ(refused(6, 2), "expected rows of 3 and 2 numbers for x and y, got 6 and 2 numbers");
  EXPECT_EQ(equations.rows(), 0u);
}

TEST(NormalEquations, RefuseWhatIsNotFiniteAndKeepWhatTheyHave) {
  Problem problem(300, 5, 2, 2);
  NormalEquations equations = make(problem);
  ASSERT_TRUE(equations.add(problem.x, problem.y, 1).ok());
  std::vector<float> bad = problem.x;
  bad[7 * 5 + 3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message_of(equations.add(bad, problem.y, 1), Code::kInvalidInput),
            "expected finite numbers in x, got nan at row 7, column 3");
  std::vector<float> infinite = problem.y;
  infinite[0] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(message_of(equations.add(problem.x, infinite, 1), Code::kInvalidInput),
            "expected finite numbers in y, got -inf at row 0, column 0");
  EXPECT_EQ(equations.rows(), 300u);
  expect_near(equations.solve(problem.anchor, 1e-3, 1).value(), problem.reference(1e-3), 1e-5);
}

TEST(NormalEquations, RefuseAWrongAnchorOrRatio) {
  const Problem problem(9, 3, 2, 3);
  NormalEquations equations = make(problem);
  const auto refused = [&](const std::vector<float>& anchor, double ratio) {
    return message_of(equations.solve(anchor, ratio, 1).status(), Code::kInvalidArgument);
  };
  EXPECT_EQ(refused(problem.anchor, 1), "expected rows before solve(), got none: call add() first");
  ASSERT_TRUE(equations.add(problem.x, problem.y, 1).ok());
  EXPECT_EQ(refused(std::vector<float>(6), 1), "expected an anchor of 2 x 4 numbers (weights, then the bias), got 6");
  EXPECT_EQ(refused(problem.anchor, -1), "expected a finite ratio >= 0, got -1.000000");
  EXPECT_EQ(refused(problem.anchor, std::numeric_limits<double>::quiet_NaN()), "expected a finite ratio >= 0, got nan");
}

TEST(NormalEquations, SayWhenTheRowsDoNotDetermineTheWeights) {
  Problem problem(200, 120, 3, 4);
  for (size_t row = 0; row < problem.rows; ++row) problem.x[row * 120 + 101] = 0;
  NormalEquations equations = make(problem);
  ASSERT_TRUE(equations.add(problem.x, problem.y, 2).ok());
  EXPECT_EQ(message_of(equations.solve(problem.anchor, 0, 2).status(), Code::kSingular),
            "the normal equations of 200 rows with ratio 0.000000 are not positive definite at column 101 of 121: add "
            "rows, or raise the ratio (1e-3 is usual)");
  const auto weights = equations.solve(problem.anchor, 1e-3, 2).value();
  expect_near(weights, problem.reference(1e-3), 1e-5);
  for (size_t j = 0; j < 3; ++j) EXPECT_NEAR(weights[j * 121 + 101], problem.anchor[j * 121 + 101], 1e-6);
}

TEST(NormalEquations, SolveAsTheReferenceDoesForSizesAroundTiles) {
  std::mt19937 random(5);
  const std::vector<std::array<size_t, 3>> sizes = {{1, 1, 1},     {5, 3, 2},    {255, 7, 1},    {256, 95, 96},
                                                    {257, 96, 97}, {300, 97, 5}, {513, 191, 33}, {700, 230, 100}};
  testing::with_each_tile_kernels([&](const TileKernels& kernels) {
    for (const auto& [rows, dimension, outputs] : sizes) {
      SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(dimension) + ", " + std::to_string(outputs));
      const Problem problem(rows, dimension, outputs, random());
      NormalEquations equations = make(problem, kernels);
      ASSERT_TRUE(equations.add(problem.x, problem.y, 2).ok());
      expect_near(equations.solve(problem.anchor, 1e-2, 2).value(), problem.reference(1e-2), 2e-5);
    }
  });
}

TEST(NormalEquations, GiveTheSameBitsHoweverRowsArePartedAndThreadsAreMany) {
  const Problem problem(601, 130, 20, 6);
  NormalEquations whole = make(problem);
  ASSERT_TRUE(whole.add(problem.x, problem.y, 1).ok());
  NormalEquations parted = make(problem);
  for (size_t row = 0, step = 1; row < problem.rows; row += step, step = step % 97 + 13) {
    step = std::min(step, problem.rows - row);
    ASSERT_TRUE(parted
                    .add(std::span(problem.x).subspan(row * 130, step * 130),
                         std::span(problem.y).subspan(row * 20, step * 20), 3)
                    .ok());
  }
  EXPECT_EQ(parted.rows(), 601u);
  const auto expected = whole.solve(problem.anchor, 1e-3, 1).value();
  EXPECT_EQ(parted.solve(problem.anchor, 1e-3, 4).value(), expected);
  EXPECT_EQ(parted.solve(problem.anchor, 1e-3, 1).value(), expected) << "solve() has changed the totals";
}

TEST(NormalEquations, KeepWhatAFloatTotalWouldLose) {
  // 512 rows of +-4096 make a total of 2^33, where a float's steps are 1024: it would stay for each later panel of 256.
  const size_t large = 512, small = 1024 * NormalEquations::kDepth;
  std::vector<float> x(large + small), y(large + small);
  for (size_t row = 0; row < x.size(); ++row) {
    x[row] = (row % 2 ? 1.0f : -1.0f) * (row < large ? 4096.0f : 1.0f);
    y[row] = row < large ? x[row] : -x[row];
  }
  auto made = NormalEquations::create(1, 1);
  NormalEquations equations = std::move(made).value();
  ASSERT_TRUE(equations.add(x, y, 2).ok());
  const auto weights = equations.solve(std::vector<float>{0, 0}, 0, 1).value();
  EXPECT_FLOAT_EQ(weights[0], (0x1p33f - 0x1p18f) / (0x1p33f + 0x1p18f));
  EXPECT_FLOAT_EQ(weights[1], 0);
}

TEST(NormalEquations, MoveNearlyNothingFromAnAnchorThatFits) {
  Problem problem(400, 60, 4, 7);
  for (size_t row = 0; row < problem.rows; ++row) {
    for (size_t j = 0; j < 4; ++j) {
      double sum = 0;
      for (size_t i = 0; i <= 60; ++i) sum += problem.x_at(row, i) * static_cast<double>(problem.anchor[j * 61 + i]);
      problem.y[row * 4 + j] = static_cast<float>(sum);
    }
  }
  NormalEquations equations = make(problem);
  ASSERT_TRUE(equations.add(problem.x, problem.y, 2).ok());
  const std::vector<double> anchor(problem.anchor.begin(), problem.anchor.end());
  for (const double ratio : {0.0, 1e-3, 1e3}) {
    expect_near(equations.solve(problem.anchor, ratio, 2).value(), anchor, 2e-5);
  }
}

}  // namespace
}  // namespace ortserve
