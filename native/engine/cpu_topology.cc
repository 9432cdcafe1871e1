// SPDX-License-Identifier: Apache-2.0
#include "engine/cpu_topology.h"

#ifdef __linux__
#include <sched.h>
#elif defined(_WIN32)
#include <windows.h>

#include <bit>
#endif

#include <algorithm>
#include <climits>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "engine/engine.h"

namespace ortserve {

namespace {

namespace fs = std::filesystem;

int cores_of(double quota, double period) noexcept {
  if (!(quota > 0) || !(period > 0)) return 0;  // "max" and -1 end up here
  const double cores = quota / period;
  if (cores >= INT_MAX) return 0;
  const int whole = static_cast<int>(cores);
  return whole < cores ? whole + 1 : whole;
}

double read_number(const fs::path& file) {
  double number = 0;
  std::ifstream(file) >> number;
  return number;
}

// Version 2: one file, "max 100000" or "150000 100000".
int quota_v2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0, period = 0;
  file >> quota >> period;
  return file ? cores_of(quota, period) : 0;
}

int quota_v1(const fs::path& group) {
  return cores_of(read_number(group / "cpu.cfs_quota_us"), read_number(group / "cpu.cfs_period_us"));
}

// A limit on any group above applies as well. In a container without its own group namespace the path names a group of
// the host that is not mounted; the walk then finds the container's limit at the mount's root.
int least_quota(const fs::path& mount, const fs::path& group, int (*quota_of)(const fs::path&)) {
  int least = 0;
  for (fs::path at = group.relative_path();; at = at.parent_path()) {
    const int cores = quota_of(at.empty() ? mount : mount / at);
    if (cores > 0 && (least == 0 || cores < least)) least = cores;
    if (at.empty()) return least;
  }
}

bool lists_cpu(std::string_view controllers) noexcept {
  while (!controllers.empty()) {
    const size_t end = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, end) == "cpu") return true;
    controllers.remove_prefix(std::min(end + 1, controllers.size()));
  }
  return false;
}

// One line of /proc/self/cgroup: "hierarchy:controllers:path", version 2 with no controllers.
int quota_of_line(const fs::path& root, const std::string& line) {
  const size_t first = line.find(':');
  const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
  if (second == std::string::npos) return 0;
  const std::string controllers = line.substr(first + 1, second - first - 1);
  const fs::path mounts = root / "sys/fs/cgroup";
  const fs::path group = line.substr(second + 1);
  if (controllers.empty()) return least_quota(mounts, group, quota_v2);
  if (!lists_cpu(controllers)) return 0;
  std::error_code error;
  const bool joint = fs::exists(mounts / controllers, error);
  return least_quota(mounts / (joint ? controllers : "cpu"), group, quota_v1);
}

}  // namespace

int cgroup_cores(const fs::path& root) {
  int least = 0;
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const int cores = quota_of_line(root, line);
    if (cores > 0 && (least == 0 || cores < least)) least = cores;
  }
  return least;
}

int affinity_cores() noexcept {
#ifdef __linux__
  // The kernel's mask may be wider than cpu_set_t; it then refuses the small buffer.
  for (int capacity = CPU_SETSIZE; capacity <= 1 << 16; capacity *= 2) {
    cpu_set_t* const set = CPU_ALLOC(static_cast<size_t>(capacity));
    if (!set) return 0;
    const size_t size = CPU_ALLOC_SIZE(static_cast<size_t>(capacity));
    const int count = ::sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
  return 0;
#elif defined(_WIN32)
  DWORD_PTR process = 0, system = 0;
  return ::GetProcessAffinityMask(::GetCurrentProcess(), &process, &system) ? std::popcount(process) : 0;
#else
  return 0;
#endif
}

int usable_cores() noexcept {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
  const auto limit = [&](int bound) {
    if (bound > 0 && (cores <= 0 || bound < cores)) cores = bound;
  };
  limit(affinity_cores());
  try {
    limit(cgroup_cores("/"));
  } catch (const std::exception&) {  // out of memory while reading a small file: go on with what is known
  }
  return std::max(cores, 1);
}

}  // namespace ortserve
