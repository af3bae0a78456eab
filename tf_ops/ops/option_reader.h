// Takes the options of an op out of their FlexBuffer one by one. Every function throws OpError
// where an option is missing or out of range, naming it, what was expected and what was received.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "ops/flexbuffer_reader.h"

namespace kgn {

// Sizes past these are nonsense; below them no product of two overflows.
constexpr int kMaxChannels = 1 << 24;
constexpr int kMaxExtent = 1 << 15;

class OptionReader {
 public:
  OptionReader(const uint8_t* data, size_t size) : entries_(ReadFlexMap(data, size)) {}

  // Takes 'version', which must be 1 to `newest`. Comes first, because a newer version may have
  // keys that we do not know.
  int ExpectVersion(int newest);

  int OneOf(const char* key, std::initializer_list<int> allowed);
  bool Flag(const char* key) { return OneOf(key, {0, 1}) == 1; }
  int Size(const char* key, int largest);  // 1 to `largest`

  float Real(const char* key);  // anything but NaN

  // A scale of codes of `bits` bits; where there are no codes it must be 1.
  float Scale(const char* key, int bits);

  // Throws if there are options that nobody asked for.
  void ExpectEnd() const;

 private:
  FlexEntry Take(const char* key);

  std::vector<FlexEntry> entries_;
};

}  // namespace kgn
