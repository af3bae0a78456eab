// 1-bit weights by VPOPCNTDQ. A 32-bit lane is an output channel, a step 32 input channels:
// broadcast a pixel's word, xor, popcount, add. 6 pixels x 64 channels: 24 accumulators, 4 weight
// vectors and 4 spare registers.
#include "core/avx512.h"
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

template <int kVectors>
void TileOfPixels(const ConvTile& tile) {
  switch (tile.pixels) {
    case 1:
      return Tile<1, kVectors>(tile);
    case 2:
      return Tile<2, kVectors>(tile);
    case 3:
      return Tile<3, kVectors>(tile);
    case 4:
      return Tile<4, kVectors>(tile);
    case 5:
      return Tile<5, kVectors>(tile);
    default:
      return Tile<6, kVectors>(tile);
  }
}

}  // namespace

void conv_popcount_avx512(const ConvTile& tile) {
  switch ((tile.out.channels + 15) / 16) {
    case 1:
      return TileOfPixels<1>(tile);
    case 2:
      return TileOfPixels<2>(tile);
    case 3:
      return TileOfPixels<3>(tile);
    default:
      return TileOfPixels<4>(tile);
  }
}

}  // namespace kgn
