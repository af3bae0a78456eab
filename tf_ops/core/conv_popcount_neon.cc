// 1-bit weights by CNT. A 32-bit lane is an output channel, a step 32 input channels; counts are
// added up as bytes, which hold 31 steps. 4 pixels x 16 channels: 16 accumulators, 4 weight
// vectors, 4 words, spare registers; a block of 32 channels is two such halves.
#include <arm_neon.h>

#include <cstring>

#include "core/choose_tile.h"
#include "core/epilogue_neon.h"
#include "core/kernels.h"

namespace kgn {
namespace {

constexpr int kByteSteps = 31;

// kVectors vectors of 4 channels, the first of which is vector `first` of the block; `row` bytes of
// weights a step.
template <int kPixels, int kVectors>
inline __attribute__((always_inline)) void Sum(const ConvTile& tile, const char* weights,
                                               ptrdiff_t row,
                                               int32x4_t (&sums)[kPixels][kVectors]) {
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) sums[p][j] = vdupq_n_s32(0);
  }
  for (int m = tile.planes - 1; m >= 0; --m) {
    const char* w = weights;
    uint8x16_t bytes[kPixels][kVectors];
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) bytes[p][j] = vdupq_n_u8(0);
    }
    int room = kByteSteps;
    for (int r = 0; r < tile.runs; ++r) {
      ptrdiff_t at = tile.run[r] + m * tile.plane_bytes;
      for (int left = tile.run_steps; left > 0;) {
        const int steps = left < room ? left : room;
        const char* pixels[kPixels];
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p) pixels[p] = tile.pixel[p] + at;
        for (int step = 0; step < steps; ++step, w += row) {
          uint8x16_t a[kPixels];
#pragma GCC unroll 8
          for (int p = 0; p < kPixels; ++p) {
            // LD1R loads, repeats and steps on at once; compilers write LDR, DUP and ADD.
            const char* from = pixels[p];
            uint32x4_t lanes;
            asm("ld1r {%0.4s}, [%1], #4"
                : "=w"(lanes), "+r"(from)
                : "m"(*reinterpret_cast<const uint32_t (*)[1]>(from)));
            a[p] = vreinterpretq_u8_u32(lanes);
            pixels[p] = from;
          }
#pragma GCC unroll 8
          for (int j = 0; j < kVectors; ++j) {
            const uint8x16_t word =
                vreinterpretq_u8_u32(vld1q_u32(reinterpret_cast<const uint32_t*>(w) + 4 * j));
#pragma GCC unroll 8
            for (int p = 0; p < kPixels; ++p)
              bytes[p][j] = vaddq_u8(bytes[p][j], vcntq_u8(veorq_u8(a[p], word)));
          }
        }
        at += 4 * static_cast<ptrdiff_t>(steps);
        left -= steps;
        room -= steps;
        if (room == 0 || (left == 0 && r == tile.runs - 1)) {
#pragma GCC unroll 8
          for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
            for (int j = 0; j < kVectors; ++j) {
              sums[p][j] = vreinterpretq_s32_u32(
                  vpadalq_u16(vreinterpretq_u32_s32(sums[p][j]), vpaddlq_u8(bytes[p][j])));
              bytes[p][j] = vdupq_n_u8(0);
            }
          }
          room = kByteSteps;
        }
      }
    }
    if (m == 0) break;
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) sums[p][j] = vaddq_s32(sums[p][j], sums[p][j]);
    }
  }
}

template <int kPixels, int kVectors>
void Tile(const ConvTile& tile) {
  constexpr int kFirst = kVectors > 4 ? 4 : kVectors;
  constexpr int kRest = kVectors - kFirst;
  constexpr ptrdiff_t kRow = 16 * kVectors;
  int32x4_t first[kPixels][kFirst];
  Sum<kPixels, kFirst>(tile, tile.weights, kRow, first);
  if constexpr (kRest == 0) {
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p)
      FinishPixel<kVectors>(tile.out, p,
                            [&](int j) { return ValueOf(tile.out, p, j, first[p][j]); });
  } else {
    int32x4_t rest[kPixels][kRest];
    Sum<kPixels, kRest>(tile, tile.weights + 16 * kFirst, kRow, rest);
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) {
      FinishPixel<kVectors>(tile.out, p, [&](int j) {
        return ValueOf(tile.out, p, j, j < kFirst ? first[p][j] : rest[p][j - kFirst]);
      });
    }
  }
}

}  // namespace

void conv_popcount_neon(const ConvTile& tile) {
  ChooseTile<4, 8>(tile.pixels, (tile.out.channels + 3) / 4,
                   [&tile](auto pixels, auto vectors) { Tile<pixels.value, vectors.value>(tile); });
}

}  // namespace kgn
