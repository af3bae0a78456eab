// 1-bit weights by VPOPCNTDQ. A 32-bit lane is an output channel, a step 32 input channels:
// broadcast a pixel's word, xor, popcount, add. 6 pixels x 64 channels: 24 accumulators, 4 weight
// vectors and 4 spare registers.
#include "core/avx512.h"
#include "core/choose_tile.h"
#include "core/epilogue_avx512.h"
#include "core/kernels.h"

namespace kgn {
namespace {

template <int kPixels, int kVectors>
void Tile(const ConvTile& tile) {
  __m512i sums[kPixels][kVectors];
  const char* pixels[kPixels];
  for (int p = 0; p < kPixels; ++p) pixels[p] = tile.pixel[p];
  for (int p = 0; p < kPixels; ++p) {
    for (int j = 0; j < kVectors; ++j) sums[p][j] = _mm512_setzero_si512();
  }
  for (int m = tile.planes - 1;; --m) {
    const char* weights = tile.weights;
    for (int r = 0; r < tile.runs; ++r) {
      const ptrdiff_t first = tile.run[r] + m * tile.plane_bytes;
      const ptrdiff_t end = first + 4 * static_cast<ptrdiff_t>(tile.run_steps);
      for (ptrdiff_t at = first; at < end; at += 4) {
        __m512i w[kVectors];
        for (int j = 0; j < kVectors; ++j) w[j] = _mm512_loadu_si512(weights + 64 * j);
        weights += 64 * kVectors;
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p) {
          int word;
          memcpy(&word, pixels[p] + at, 4);
          const __m512i a = _mm512_set1_epi32(word);
#pragma GCC unroll 4
          for (int j = 0; j < kVectors; ++j) {
            sums[p][j] =
                _mm512_add_epi32(sums[p][j], _mm512_popcnt_epi32(_mm512_xor_si512(a, w[j])));
          }
        }
      }
    }
    if (m == 0) break;
    for (int p = 0; p < kPixels; ++p) {
      for (int j = 0; j < kVectors; ++j) sums[p][j] = _mm512_add_epi32(sums[p][j], sums[p][j]);
    }
  }
  FinishTile<kPixels, kVectors, false>(tile.out, sums);
}

}  // namespace

void conv_popcount_avx512(const ConvTile& tile) {
  ChooseTile<6, 4>(tile.pixels, (tile.out.channels + 15) / 16,
                   [&tile](auto pixels, auto vectors) { Tile<pixels.value, vectors.value>(tile); });
}

}  // namespace kgn
