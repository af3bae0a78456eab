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

}  // namespace kgn
