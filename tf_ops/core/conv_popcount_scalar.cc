// 1-bit weights, 64 bits at a time: once with the portable population count, once with x86's popcnt
// instruction.
#include <cstring>

#include "core/epilogue_scalar.h"
#include "core/kernels.h"

namespace kgn {
namespace {

struct Portable {
  static int Count(uint64_t x) {
    x -= x >> 1 & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return static_cast<int>(x * 0x0101010101010101u >> 56);
  }
};

uint64_t Load64(const char* from) {
  uint64_t word;
  memcpy(&word, from, 8);
  return word;
}

uint32_t Load32(const char* from) {
  uint32_t word;
  memcpy(&word, from, 4);
  return word;
}

// popcount(a xor w) over the taps of plane m.
template <typename Counter>
inline __attribute__((always_inline)) int32_t Popcount(const ConvTile& tile, const char* pixel,
                                                       int m, const char* weights) {
  int32_t sum = 0;
  for (int r = 0; r < tile.runs; ++r) {
    const char* a = pixel + tile.run[r] + m * tile.plane_bytes;
    int step = 0;
    for (; step + 2 <= tile.run_steps; step += 2, a += 8, weights += 8)
      sum += Counter::Count(Load64(a) ^ Load64(weights));
    if (step < tile.run_steps) {
      sum += Counter::Count(Load32(a) ^ Load32(weights));
      weights += 4;
    }
  }
  return sum;
}

template <typename Counter>
inline __attribute__((always_inline)) void Tile(const ConvTile& tile) {
  const ptrdiff_t row = 4 * static_cast<ptrdiff_t>(tile.runs) * tile.run_steps;
  for (int p = 0; p < tile.pixels; ++p) {
    int32_t sums[32];
    for (int c = 0; c < tile.out.channels; ++c) {
      int32_t sum = 0;
      for (int m = tile.planes - 1; m >= 0; --m)
        sum = 2 * sum + Popcount<Counter>(tile, tile.pixel[p], m, tile.weights + c * row);
      sums[c] = sum;
    }
    FinishScalar(tile.out, p, sums);
  }
}

#if defined(__x86_64__)
struct Instruction {
  __attribute__((target("popcnt"))) static int Count(uint64_t x) { return __builtin_popcountll(x); }
};
#endif

}  // namespace

void conv_popcount_scalar(const ConvTile& tile) { Tile<Portable>(tile); }

#if defined(__x86_64__)
// Inlining into a function with more instruction sets is allowed, so Tile becomes popcnt code here.
__attribute__((target("popcnt"), flatten)) void conv_popcount_popcnt(const ConvTile& tile) {
  Tile<Instruction>(tile);
}
#endif

}  // namespace kgn
