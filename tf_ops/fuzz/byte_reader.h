// Structured values from a fuzzer's bytes, front to back; zeros when they are used up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace kgn_fuzz {

class ByteReader {
 public:
  ByteReader(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  template <typename T>
  T Take() {
    T value = {};
    const size_t count = size_ < sizeof(T) ? size_ : sizeof(T);
    if (count > 0) std::memcpy(&value, data_, count);
    data_ += count;
    size_ -= count;
    return value;
  }

  // In [0, count).
  size_t Below(size_t count) { return Take<uint8_t>() % count; }

 private:
  const uint8_t* data_;
  size_t size_;
};

}  // namespace kgn_fuzz
