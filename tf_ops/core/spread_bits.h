#pragma once

#include <cstdint>

namespace kgn {

// Bit i of the index to byte i.
struct SpreadBits {
  uint64_t bytes[256];
};

constexpr SpreadBits MakeSpreadBits() {
  SpreadBits spread = {};
  for (int index = 0; index < 256; ++index) {
    for (int i = 0; i < 8; ++i) {
      spread.bytes[index] |= static_cast<uint64_t>(index >> i & 1) << (8 * i);
    }
  }
  return spread;
}

constexpr SpreadBits kSpreadBits = MakeSpreadBits();

}  // namespace kgn
