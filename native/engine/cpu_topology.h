// SPDX-License-Identifier: Apache-2.0
// How many cores the process may use; the parts of usable_cores() that can be tested on their own.
#pragma once

#include <filesystem>

namespace ortserve {

/// CPU quota of this process's control group and of every group above it, in cores rounded up; 0: none is set.
/// `root` stands for "/": it holds proc/self/cgroup and sys/fs/cgroup, versions 1 and 2.
int cgroup_cores(const std::filesystem::path& root);

/// Cores in the affinity mask of the calling thread; 0: unknown.
int affinity_cores() noexcept;

}  // namespace ortserve
