// SPDX-License-Identifier: Apache-2.0
#include "engine/cpu_topology.h"

#include <thread>

#include "test/engine_fixture.h"

namespace ortserve {
namespace {

class CpuTopology : public ::testing::Test {
 protected:
  void group(const std::string& lines) { root_.write("proc/self/cgroup", lines); }
  void limit(const std::string& file, const std::string& text) { root_.write("sys/fs/cgroup/" + file, text); }
  int cores() const { return cgroup_cores(root_.path()); }

  testing::TemporaryFolder root_;
};

TEST_F(CpuTopology, NoFilesMeansNoQuota) {
  EXPECT_EQ(cores(), 0);
}

TEST_F(CpuTopology, IgnoresWhatItCannotRead) {
  group("nonsense\n0:half\n0::/a\n");
  limit("a/cpu.max", "lots of cores");
  limit("cpu.max", "");
  EXPECT_EQ(cores(), 0);
}

TEST_F(CpuTopology, IgnoresNonsensicalNumbers) {
  group("0::/\n");
  for (const char* const text : {"0 100000", "-5 100000", "100000 0", "100000", "nan 1", "1e30 1"}) {
    limit("cpu.max", text);
    EXPECT_EQ(cores(), 0) << text;
  }
}

TEST_F(CpuTopology, Version2RoundsUp) {
  group("0::/\n");
  for (const auto& [text, expected] : {std::pair{"max 100000\n", 0},
                                       {"100000 100000\n", 1},
                                       {"100001 100000\n", 2},
                                       {"50000 100000\n", 1},
                                       {"1600000 100000\n", 16},
                                       {"25000 50000\n", 1}}) {
    limit("cpu.max", text);
    EXPECT_EQ(cores(), expected) << text;
  }
}

TEST_F(CpuTopology, Version2TakesTheLeastOfTheGroupsAbove) {
  group("0::/kube/pod/container\n");
  limit("kube/cpu.max", "800000 100000\n");
  limit("kube/pod/cpu.max", "300000 100000\n");
  limit("kube/pod/container/cpu.max", "max 100000\n");
  EXPECT_EQ(cores(), 3);
}

TEST_F(CpuTopology, Version2FindsTheContainersLimitAtTheMountsRoot) {
  group("0::/docker/8f2a\n");  // as the host names it; not mounted here
  limit("cpu.max", "150000 100000\n");
  EXPECT_EQ(cores(), 2);
}

TEST_F(CpuTopology, Version1ReadsQuotaAndPeriod) {
  group("12:cpuset:/\n4:cpu,cpuacct:/docker/8f2a\n");
  limit("cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  limit("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cores(), 0);
  limit("cpu,cpuacct/docker/8f2a/cpu.cfs_quota_us", "250000\n");
  limit("cpu,cpuacct/docker/8f2a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cores(), 3);
}

TEST_F(CpuTopology, Version1WithTheControllersMountedApart) {
  group("4:cpuacct,cpu:/\n");
  limit("cpu/cpu.cfs_quota_us", "200000\n");
  limit("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cores(), 2);
}

TEST_F(CpuTopology, Version1DoesNotTakeCpusetForCpu) {
  group("4:cpuset:/\n");
  limit("cpuset/cpu.cfs_quota_us", "200000\n");
  limit("cpuset/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cores(), 0);
}

TEST(UsableCores, NeverExceedTheMachineOrTheMask) {
  const int cores = usable_cores();
  EXPECT_GE(cores, 1);
  EXPECT_LE(cores, static_cast<int>(std::thread::hardware_concurrency()));
  if (affinity_cores() > 0) {
    EXPECT_LE(cores, affinity_cores());
  }
}

}  // namespace
}  // namespace ortserve
