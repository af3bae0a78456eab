// Float activations, 1-bit weights that stay 1 bit in memory: each bit becomes the sign of a 1.0,
// used for all pixels of the tile.
#include <immintrin.h>

#include <cstring>

#include "core/epilogue_avx2.h"
#include "core/kernels.h"

namespace kgn {
namespace {

template <int kPixels, int kVectors>
void Tile(const ConvTile& tile) {
  // Shifts that bring the bit of each channel to the sign.
  const __m256i shifts = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
  const __m256 sign = _mm256_set1_ps(-0.0f);
  const __m256 one = _mm256_set1_ps(1.0f);
  __m256 sums[kPixels][kVectors];
  for (int p = 0; p < kPixels; ++p) {
    for (int j = 0; j < kVectors; ++j) sums[p][j] = _mm256_setzero_ps();
  }
  const char* weights = tile.weights;
  for (int r = 0; r < tile.runs; ++r) {
    const ptrdiff_t end = tile.run[r] + 4 * static_cast<ptrdiff_t>(tile.run_steps);
    for (ptrdiff_t at = tile.run[r]; at < end; at += 4, weights += 4) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) {
        const __m256i bits = _mm256_set1_epi32(static_cast<uint8_t>(weights[j]));
        const __m256 w = _mm256_or_ps(
            _mm256_and_ps(_mm256_castsi256_ps(_mm256_sllv_epi32(bits, shifts)), sign), one);
#pragma GCC unroll 4
        for (int p = 0; p < kPixels; ++p) {
          sums[p][j] = _mm256_fmadd_ps(
              _mm256_broadcast_ss(reinterpret_cast<const float*>(tile.pixel[p] + at)), w,
              sums[p][j]);
        }
      }
    }
  }
  for (int p = 0; p < kPixels; ++p) {
    for (int j = 0; j < kVectors; ++j) FinishVector(tile.out, p, j, j == kVectors - 1, sums[p][j]);
  }
}

template <int kVectors>
void TileOfPixels(const ConvTile& tile) {
  switch (tile.pixels) {
    case 1:
      return Tile<1, kVectors>(tile);
    case 2:
      return Tile<2, kVectors>(tile);
    default:
      return Tile<3, kVectors>(tile);
  }
}

}  // namespace

void conv_float_avx2(const ConvTile& tile) {
  switch ((tile.out.channels + 7) / 8) {
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
