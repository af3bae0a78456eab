#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/status.h"

namespace kgn {

// Zeroed memory on a cache line boundary, with a cache line to spare behind it: vector loads may
// run past the end.
class AlignedBuffer {
 public:
  Status Allocate(int64_t bytes) {
    constexpr int64_t kMaxBytes = int64_t{1} << 31;
    memory_.reset();
    if (bytes >= 0 && bytes <= kMaxBytes)
      memory_.reset(std::aligned_alloc(64, static_cast<size_t>((bytes + 127) / 64 * 64)));
    if (memory_ == nullptr)
      return Status::Error("out of memory: %lld bytes", static_cast<long long>(bytes));
    std::memset(memory_.get(), 0, static_cast<size_t>((bytes + 127) / 64 * 64));
    return Status::Ok();
  }
  template <typename T>
  T* data() const {
    return static_cast<T*>(memory_.get());
  }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory_;
};

}  // namespace kgn
