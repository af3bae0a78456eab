#include <immintrin.h>

#include "core/kernels.h"

namespace kgn {
namespace {

// One bit a channel of 8 channels, for each plane. `valid` has -1 in lanes that exist.
template <int kBits>
inline void QuantizeVector(const QuantizeArgs& args, const float* x, int64_t c, __m256i valid,
                           int shift, uint32_t (&planes)[4]) {
  const __m256 zero = _mm256_setzero_ps();
  __m256 y = _mm256_maskload_ps(x + c, valid);
  if (args.multiplier != nullptr) {
    y = _mm256_add_ps(_mm256_mul_ps(y, _mm256_maskload_ps(args.multiplier + c, valid)),
                      _mm256_maskload_ps(args.bias + c, valid));
  }
  if constexpr (kBits == 1) {
    const __m256 negative =
        _mm256_and_ps(_mm256_cmp_ps(y, zero, _CMP_LT_OQ), _mm256_castsi256_ps(valid));
    planes[0] |= static_cast<uint32_t>(_mm256_movemask_ps(negative)) << shift;
    return;
  }
  // Clamping commutes with the rounding of the conversion; max returns its second operand for NaN.
  const __m256 scaled = _mm256_max_ps(_mm256_mul_ps(y, _mm256_set1_ps(args.scale)), zero);
  const __m256 clamped =
      _mm256_min_ps(scaled, _mm256_set1_ps(static_cast<float>((1 << kBits) - 1)));
  const __m256i code = _mm256_and_si256(_mm256_cvtps_epi32(clamped), valid);
#pragma GCC unroll 4
  for (int m = 0; m < kBits; ++m) {
    const __m256i top = _mm256_sll_epi32(code, _mm_cvtsi32_si128(31 - m));
    planes[m] |= static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(top))) << shift;
  }
}

template <int kBits>
void QuantizePixels(const QuantizeArgs& args) {
  const int64_t words = (args.channels + 31) / 32;
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  for (int64_t pixel = 0; pixel < args.pixels; ++pixel) {
    const float* in = args.input + pixel * args.channels;
    uint32_t* out = args.output + pixel * kBits * words;
    for (int64_t word = 0; word < words; ++word) {
      uint32_t planes[4] = {};
      for (int shift = 0; shift < 32; shift += 8) {
        const int64_t left = args.channels - 32 * word - shift;
        if (left <= 0) break;
        const __m256i valid =
            _mm256_cmpgt_epi32(_mm256_set1_epi32(left < 8 ? static_cast<int>(left) : 8), lanes);
        QuantizeVector<kBits>(args, in, 32 * word + shift, valid, shift, planes);
      }
      for (int m = 0; m < kBits; ++m) out[m * words + word] = planes[m];
    }
  }
}

}  // namespace

void quantize_avx2(const QuantizeArgs& args) {
  switch (args.bits) {
    case 1:
      return QuantizePixels<1>(args);
    case 2:
      return QuantizePixels<2>(args);
    default:
      return QuantizePixels<4>(args);
  }
}

}  // namespace kgn
