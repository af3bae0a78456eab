// 1-bit weights on AVX2: a 32-bit lane is an output channel, a step 32 input channels; popcounts of
// nibbles come from a table in a register and are added up as bytes, which hold 31 steps.
#include <immintrin.h>

#include <cstring>

#include "core/choose_tile.h"
#include "core/epilogue_avx2.h"
#include "core/kernels.h"

namespace kgn {
namespace {

constexpr int kByteSteps = 31;

// sums += the four bytes of each lane.
inline __m256i AddBytes(__m256i sums, __m256i bytes) {
  const __m256i pairs = _mm256_maddubs_epi16(bytes, _mm256_set1_epi8(1));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

template <int kPixels, int kVectors>
void Tile(const ConvTile& tile) {
  const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                          2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(15);
  __m256i sums[kPixels][kVectors];
  __m256i bytes[kPixels][kVectors];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) sums[p][j] = bytes[p][j] = _mm256_setzero_si256();
  }
  const char* pixels[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) pixels[p] = tile.pixel[p];
  for (int m = tile.planes - 1; m >= 0; --m) {
    const char* weights = tile.weights;
    int room = kByteSteps;
    for (int r = 0; r < tile.runs; ++r) {
      ptrdiff_t at = tile.run[r] + m * tile.plane_bytes;
      for (int left = tile.run_steps; left > 0;) {
        const int steps = left < room ? left : room;
        for (int step = 0; step < steps; ++step, at += 4, weights += 32 * kVectors) {
          __m256i a[kPixels];
#pragma GCC unroll 8
          for (int p = 0; p < kPixels; ++p) {
            int word;
            memcpy(&word, pixels[p] + at, 4);
            a[p] = _mm256_set1_epi32(word);
          }
#pragma GCC unroll 4
          for (int j = 0; j < kVectors; ++j) {
            const __m256i w =
                _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights + 32 * j));
#pragma GCC unroll 2
            for (int p = 0; p < kPixels; ++p) {
              const __m256i x = _mm256_xor_si256(a[p], w);
              const __m256i n0 = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, low));
              const __m256i n1 =
                  _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(x, 4), low));
              bytes[p][j] = _mm256_add_epi8(bytes[p][j], _mm256_add_epi8(n0, n1));
            }
          }
        }
        left -= steps;
        room -= steps;
        if (room == 0 || (left == 0 && r == tile.runs - 1)) {
#pragma GCC unroll 2
          for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
            for (int j = 0; j < kVectors; ++j) {
              sums[p][j] = AddBytes(sums[p][j], bytes[p][j]);
              bytes[p][j] = _mm256_setzero_si256();
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
      for (int j = 0; j < kVectors; ++j) sums[p][j] = _mm256_add_epi32(sums[p][j], sums[p][j]);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) FinishVector(tile.out, p, j, j == kVectors - 1, sums[p][j]);
  }
}

}  // namespace

void conv_popcount_avx2(const ConvTile& tile) {
  ChooseTile<2, 4>(tile.pixels, (tile.out.channels + 7) / 8,
                   [&tile](auto pixels, auto vectors) { Tile<pixels.value, vectors.value>(tile); });
}

}  // namespace kgn
