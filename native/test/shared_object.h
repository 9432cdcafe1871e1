// SPDX-License-Identifier: Apache-2.0
// A POSIX shared memory object, as a client makes one.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

namespace ortserve {

class SharedObject {
 public:
  explicit SharedObject(size_t size) : size_(size) {
    static int count = 0;
    key_ = "/ortserve-test-" + std::to_string(getpid()) + "-" + std::to_string(count++);
    descriptor_ = shm_open(key_.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    EXPECT_GE(descriptor_, 0);
    resize(size);
    data_ = static_cast<std::byte*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0));
    EXPECT_NE(data_, MAP_FAILED);
  }
  ~SharedObject() {
    munmap(data_, size_);
    close(descriptor_);
    shm_unlink(key_.c_str());
  }
  SharedObject(const SharedObject&) = delete;
  SharedObject& operator=(const SharedObject&) = delete;

  void resize(size_t size) { EXPECT_EQ(ftruncate(descriptor_, static_cast<off_t>(size)), 0); }
  const std::string& key() const { return key_; }
  std::byte* data() const { return data_; }

 private:
  size_t size_;
  std::string key_;
  int descriptor_ = -1;
  std::byte* data_ = nullptr;
};

}  // namespace ortserve
