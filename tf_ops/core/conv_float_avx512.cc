// Float activations, 1-bit weights that stay 1 bit in memory: a mask turns them into a vector of
// +-1, used for all pixels of the tile.
#include "core/avx512.h"
#include "core/choose_tile.h"
#include "core/epilogue_avx512.h"
#include "core/kernels.h"

namespace kgn {
namespace {

template <int kPixels, int kVectors>
void Tile(const ConvTile& tile) {
  __m512 sums[kPixels][kVectors];
  const char* pixels[kPixels];
  for (int p = 0; p < kPixels; ++p) pixels[p] = tile.pixel[p];
  for (int p = 0; p < kPixels; ++p) {
    for (int j = 0; j < kVectors; ++j) sums[p][j] = _mm512_setzero_ps();
  }
  const __m512 plus = _mm512_set1_ps(1.0f);
  const __m512 minus = _mm512_set1_ps(-1.0f);
  const char* weights = tile.weights;
  for (int r = 0; r < tile.runs; ++r) {
    const ptrdiff_t end = tile.run[r] + 4 * static_cast<ptrdiff_t>(tile.run_steps);
    for (ptrdiff_t at = tile.run[r]; at < end; at += 4) {
      __m512 w[kVectors];
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) {
        uint16_t bits;
        memcpy(&bits, weights + 2 * j, 2);
        w[j] = _mm512_mask_blend_ps(_cvtu32_mask16(bits), plus, minus);
      }
      weights += 4 * ((kVectors + 1) / 2);
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) {
        float value;
        memcpy(&value, pixels[p] + at, 4);
        const __m512 a = _mm512_set1_ps(value);
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j) sums[p][j] = _mm512_fmadd_ps(a, w[j], sums[p][j]);
      }
    }
  }
  FinishTile<kPixels, kVectors, true>(tile.out, sums);
}

}  // namespace

void conv_float_avx512(const ConvTile& tile) {
  ChooseTile<6, 4>(tile.pixels, (tile.out.channels + 15) / 16,
                   [&tile](auto pixels, auto vectors) { Tile<pixels.value, vectors.value>(tile); });
}

}  // namespace kgn
