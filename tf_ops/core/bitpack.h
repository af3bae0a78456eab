#pragma once

#include <cstdint>

#include "core/status.h"

// The packed layout of docs/ops.md: channel c is bit c % 32 of word c / 32; several bits a value
// are planes, plane-major inside a pixel.
namespace kgn {

inline int64_t WordsFor(int64_t channels) { return channels / 32 + (channels % 32 != 0); }

// Words a pixel of `channels` values of `bits` bits takes; 0 if the arguments make no sense.
inline int64_t PackedWords(int64_t channels, int bits) {
  return channels > 0 && (bits == 1 || bits == 2 || bits == 4) ? bits * WordsFor(channels) : 0;
}

// *product = a * b, or false on overflow or if a factor is negative.
inline bool MultiplyChecked(int64_t a, int64_t b, int64_t* product) {
  return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, product);
}

// Bits [first, first + count) of a row of words, to the front of `out`.
inline void ExtractBits(const uint32_t* words, int64_t first, int64_t count, uint32_t* out) {
  for (int64_t i = 0; i < count; i += 32) {
    const int64_t bit = first + i;
    const int64_t bits = count - i < 32 ? count - i : 32;
    uint64_t value = words[bit / 32];
    if (bit % 32 + bits > 32) value |= static_cast<uint64_t>(words[bit / 32 + 1]) << 32;
    value >>= bit % 32;
    *out++ = static_cast<uint32_t>(value & ((uint64_t{1} << bits) - 1));
  }
}

}  // namespace kgn
