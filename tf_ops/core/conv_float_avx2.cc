// Float activations, 1-bit weights that stay 1 bit in memory: each bit becomes the sign of a 1.0,
// used for all pixels of the tile.
#include <immintrin.h>

#include <cstring>

#include "core/choose_tile.h"
#include "core/epilogue_avx2.h"
#include "core/kernels.h"

namespace kgn {
namespace {

template <int kPixels, int kVectors>
void Tile(const ConvTile& tile) {
  // Shifts that bring the bits of channels 24 ... 31 to the sign; those of vector j lie 8 * (3 - j)
  // lower.
  const __m256i shifts = _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0);
  const __m256 plus = _mm256_set1_ps(1.0f);
  const __m256 minus = _mm256_set1_ps(-1.0f);
  __m256 sums[kPixels][kVectors];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) sums[p][j] = _mm256_setzero_ps();
  }
  const char* weights = tile.weights;
  const char* pixels[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) pixels[p] = tile.pixel[p];
  for (int r = 0; r < tile.runs; ++r) {
    const ptrdiff_t end = tile.run[r] + 4 * static_cast<ptrdiff_t>(tile.run_steps);
    for (ptrdiff_t at = tile.run[r]; at < end; at += 4, weights += 4) {
      int word;
      memcpy(&word, weights, 4);
      const __m256i bits = _mm256_sllv_epi32(_mm256_set1_epi32(word), shifts);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) {
        const __m256 w =
            _mm256_blendv_ps(plus, minus, _mm256_castsi256_ps(_mm256_slli_epi32(bits, 24 - 8 * j)));
#pragma GCC unroll 4
        for (int p = 0; p < kPixels; ++p) {
          sums[p][j] = _mm256_fmadd_ps(
              _mm256_broadcast_ss(reinterpret_cast<const float*>(pixels[p] + at)), w, sums[p][j]);
        }
      }
    }
  }
  // The epilogue is a loop over memory, so that the sums above can live in registers.
  float values[kPixels][8 * kVectors];
#pragma GCC unroll 4
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) _mm256_storeu_ps(values[p] + 8 * j, sums[p][j]);
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j)
      FinishVector(tile.out, p, j, j == kVectors - 1, _mm256_loadu_ps(values[p] + 8 * j));
  }
}

}  // namespace

void conv_float_avx2(const ConvTile& tile) {
  ChooseTile<2, 4>(tile.pixels, (tile.out.channels + 7) / 8,
                   [&tile](auto pixels, auto vectors) { Tile<pixels.value, vectors.value>(tile); });
}

}  // namespace kgn
