// 1-bit weights by look-up: VPERMB finds the sums of 16 channels times 4 tables of 4 inputs,
// VPDPBUSD by ones adds up the 4 tables of each channel. Two steps are added as bytes first: 2 x 4
// x 15 fits a signed byte. 4 pixels x 64 channels.
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
  const __m512i ones = _mm512_set1_epi8(1);
  const char* weights = tile.weights;
  for (int r = 0; r < tile.runs; ++r) {
    ptrdiff_t at = tile.run[r];
    const ptrdiff_t end = at + 64 * static_cast<ptrdiff_t>(tile.run_steps);
    for (; at + 64 < end; at += 128) {
      __m512i w0[kVectors], w1[kVectors];
      for (int j = 0; j < kVectors; ++j) w0[j] = _mm512_loadu_si512(weights + 64 * j);
      for (int j = 0; j < kVectors; ++j) w1[j] = _mm512_loadu_si512(weights + 64 * (kVectors + j));
      weights += 128 * kVectors;
#pragma GCC unroll 4
      for (int p = 0; p < kPixels; ++p) {
        const __m512i table0 = _mm512_loadu_si512(pixels[p] + at);
        const __m512i table1 = _mm512_loadu_si512(pixels[p] + at + 64);
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j) {
          const __m512i pair = _mm512_add_epi8(_mm512_permutexvar_epi8(w0[j], table0),
                                               _mm512_permutexvar_epi8(w1[j], table1));
          sums[p][j] = _mm512_dpbusd_epi32(sums[p][j], ones, pair);
        }
      }
    }
    if (at < end) {
      __m512i w[kVectors];
      for (int j = 0; j < kVectors; ++j) w[j] = _mm512_loadu_si512(weights + 64 * j);
      weights += 64 * kVectors;
#pragma GCC unroll 4
      for (int p = 0; p < kPixels; ++p) {
        const __m512i table = _mm512_loadu_si512(pixels[p] + at);
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j) {
          sums[p][j] = _mm512_dpbusd_epi32(sums[p][j], ones, _mm512_permutexvar_epi8(w[j], table));
        }
      }
    }
  }
  FinishTile<kPixels, kVectors, false>(tile.out, sums);
}

}  // namespace

void conv_table_avx512(const ConvTile& tile) {
  ChooseTile<4, 4>(tile.pixels, (tile.out.channels + 15) / 16,
                   [&tile](auto pixels, auto vectors) { Tile<pixels.value, vectors.value>(tile); });
}

}  // namespace kgn
