// Reads a FlexBuffer whose root is a map of scalars: the custom options of a TFLite op.
//
// Options come from files that anybody may have written, so every offset is checked against the
// buffer before it is followed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kgn {

struct FlexEntry {
  std::string key;
  bool is_float = false;
  int64_t integer = 0;  // also holds a bool
  double real = 0;
};

// The entries of the map in the order of the file (sorted by key when a proper library wrote it).
// Throws OpError if the buffer is damaged, its root is no map or a value is neither int, float nor
// bool.
std::vector<FlexEntry> ReadFlexMap(const uint8_t* data, size_t size);

}  // namespace kgn
