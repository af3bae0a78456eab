#include <cstring>

#include "core/avx512.h"
#include "core/kernels.h"

namespace kgn {
namespace {

// The 16 channels from `c` on; `valid` masks those that exist.
inline __m512 LoadValue(const QuantizeArgs& args, const float* pixel, int64_t c, __mmask16 valid) {
  const __m512 x = _mm512_maskz_loadu_ps(valid, pixel + c);
  if (args.multiplier == nullptr) return x;
  const __m512 scaled = _mm512_mul_ps(x, _mm512_maskz_loadu_ps(valid, args.multiplier + c));
  return _mm512_add_ps(scaled, _mm512_maskz_loadu_ps(valid, args.bias + c));
}

inline __mmask16 ValidMask(int64_t left) {
  return left >= 16  ? static_cast<__mmask16>(0xffff)
         : left <= 0 ? static_cast<__mmask16>(0)
                     : static_cast<__mmask16>((1u << left) - 1);
}

// One word of each plane: the 32 channels from `c` on.
template <int kBits>
inline void QuantizeWord(const QuantizeArgs& args, const float* pixel, int64_t c, __mmask16 valid0,
                         __mmask16 valid1, int64_t plane_stride, uint32_t* out) {
  const __m512 y0 = LoadValue(args, pixel, c, valid0);
  const __m512 y1 = LoadValue(args, pixel, c + 16, valid1);
  const __m512 zero = _mm512_setzero_ps();
  if constexpr (kBits == 1) {
    const __mmask16 m0 = _mm512_mask_cmp_ps_mask(valid0, y0, zero, _CMP_LT_OQ);
    const __mmask16 m1 = _mm512_mask_cmp_ps_mask(valid1, y1, zero, _CMP_LT_OQ);
    *out = static_cast<uint32_t>(_mm512_kunpackw(m1, m0));
    return;
  }
  // Clamping commutes with the rounding of the conversion; max returns its second operand for NaN.
  const __m512 scale = _mm512_set1_ps(args.scale);
  const __m512 largest = _mm512_set1_ps(static_cast<float>((1 << kBits) - 1));
  const __m512i code0 =
      _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(_mm512_mul_ps(y0, scale), zero), largest));
  const __m512i code1 =
      _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(_mm512_mul_ps(y1, scale), zero), largest));
#pragma GCC unroll 4
  for (int m = 0; m < kBits; ++m) {
    const __m512i bit = _mm512_set1_epi32(1 << m);
    const __mmask16 m0 = _mm512_mask_test_epi32_mask(valid0, code0, bit);
    const __mmask16 m1 = _mm512_mask_test_epi32_mask(valid1, code1, bit);
    out[m * plane_stride] = static_cast<uint32_t>(_mm512_kunpackw(m1, m0));
  }
}

template <int kBits>
void QuantizePixels(const QuantizeArgs& args) {
  const int64_t words = (args.channels + 31) / 32;
  for (int64_t pixel = 0; pixel < args.pixels; ++pixel) {
    const float* in = args.input + pixel * args.channels;
    uint32_t* out = args.output + pixel * kBits * words;
    int64_t c = 0;
    for (; c + 32 <= args.channels; c += 32)
      QuantizeWord<kBits>(args, in, c, 0xffff, 0xffff, words, out + c / 32);
    if (c < args.channels) {
      const int64_t left = args.channels - c;
      QuantizeWord<kBits>(args, in, c, ValidMask(left), ValidMask(left - 16), words, out + c / 32);
    }
  }
}

}  // namespace

void quantize_avx512(const QuantizeArgs& args) {
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
