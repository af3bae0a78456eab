#include "core/conv_depthwise.h"
#include "core/epilogue_avx2.h"

namespace kgn {
namespace {

struct Shorts {
  __m256i sums = _mm256_setzero_si256();

  inline void MultiplyAdd(const int8_t* values, const int16_t* weights) {
    const __m256i a =
        _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
    const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights));
    sums = _mm256_add_epi16(sums, _mm256_sign_epi16(a, w));
  }
  inline void AddTo(int32_t* to) const {
    __m256i* out = reinterpret_cast<__m256i*>(to);
    const __m256i low = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(sums));
    const __m256i high = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(sums, 1));
    _mm256_storeu_si256(out, _mm256_add_epi32(_mm256_loadu_si256(out), low));
    _mm256_storeu_si256(out + 1, _mm256_add_epi32(_mm256_loadu_si256(out + 1), high));
  }
};

}  // namespace

void conv_depthwise_avx2(const ConvTile& tile) {
  const int vectors = (tile.out.channels + 7) / 8;
  for (int p = 0; p < tile.pixels; ++p) {
    alignas(32) int32_t sums[kDepthwiseBlock];
    SumDepthwise<Shorts>(tile, p, sums);
    for (int j = 0; j < vectors; ++j) {
      FinishVector(tile.out, p, j, j == vectors - 1,
                   _mm256_load_si256(reinterpret_cast<const __m256i*>(sums) + j));
    }
  }
}

void conv_depthwise_float_avx2(const ConvTile& tile) {
  const int vectors = (tile.out.channels + 7) / 8;
  for (int p = 0; p < tile.pixels; ++p) {
    alignas(32) float sums[kDepthwiseBlock];
    SumDepthwise(tile, p, sums);
    for (int j = 0; j < vectors; ++j)
      FinishVector(tile.out, p, j, j == vectors - 1, _mm256_load_ps(sums + 8 * j));
  }
}

}  // namespace kgn
