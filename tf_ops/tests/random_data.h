#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/bitpack.h"

namespace kgn_test {

// A small generator whose numbers are the same everywhere (splitmix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // In [low, high].
  int Int(int low, int high) {
    return low + static_cast<int>(Next() % static_cast<uint64_t>(high - low + 1));
  }
  bool Chance(int percent) { return Int(1, 100) <= percent; }
  // In [-1, 1).
  float Float() {
    return static_cast<float>(static_cast<double>(Next() >> 11) / (1ull << 52) - 1.0);
  }
  template <typename T>
  T Pick(const std::vector<T>& from) {
    return from[Next() % from.size()];
  }

 private:
  uint64_t state_;
};

// Packed values with the bits of channels that do not exist 0.
inline std::vector<int32_t> RandomPacked(Random* random, int64_t pixels, int64_t channels,
                                         int bits) {
  const int64_t words = kgn::WordsFor(channels);
  std::vector<int32_t> packed(pixels * bits * words);
  for (size_t i = 0; i < packed.size(); ++i) {
    uint32_t word = static_cast<uint32_t>(random->Next());
    if (static_cast<int64_t>(i) % words == words - 1 && channels % 32 != 0)
      word &= (1u << (channels % 32)) - 1;
    packed[i] = static_cast<int32_t>(word);
  }
  return packed;
}

// Some of the values are those where rounding, signs and comparisons go wrong.
inline std::vector<float> RandomFloats(Random* random, int64_t count, float range,
                                       bool special = false) {
  std::vector<float> values(count);
  for (float& value : values) {
    value = range * random->Float();
    if (!special) continue;
    switch (random->Int(0, 20)) {
      case 0:
        value = 0.0f;
        break;
      case 1:
        value = -0.0f;
        break;
      case 2:
        value = static_cast<float>(random->Int(-8, 40)) * 0.5f;  // ties
        break;
      case 3:
        value = std::numeric_limits<float>::quiet_NaN();
        break;
      case 4:
        value = std::numeric_limits<float>::infinity() * (random->Chance(50) ? 1.0f : -1.0f);
        break;
    }
  }
  return values;
}

}  // namespace kgn_test
