#include "core/round_int8.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace kgn {
namespace {

int8_t Round(float value) {
  float x = value > -128.0f ? value : -128.0f;
  x = x < 127.0f ? x : 127.0f;
  // Not x + 0.5, which would itself round. Twice x is exact, the rest are integers.
  const int32_t halves = static_cast<int32_t>(2 * x);  // towards zero
  return static_cast<int8_t>((halves + (halves > 0) - (halves < 0)) / 2);
}

// Compilers do not vectorise the above well. Every CPU of the families has these instructions.
#if defined(__SSE2__)
__m128i Halves(const float* input) {
  // Too large a value would convert to the lowest integer, as too low a one and NaN may.
  const __m128 x = _mm_min_ps(_mm_set1_ps(127.0f), _mm_loadu_ps(input));
  return _mm_cvttps_epi32(_mm_add_ps(x, x));
}

__m128i RoundedHalves(__m128i low, __m128i high) {
  const __m128i zero = _mm_setzero_si128();
  const __m128i halves = _mm_packs_epi32(low, high);
  const __m128i up = _mm_subs_epi16(halves, _mm_cmpgt_epi16(halves, zero));
  const __m128i away = _mm_adds_epi16(up, _mm_cmplt_epi16(halves, zero));
  return _mm_srai_epi16(_mm_sub_epi16(away, _mm_srai_epi16(away, 15)), 1);  // / 2 towards zero
}

void Round16(const float* input, int8_t* output) {
  const __m128i low = RoundedHalves(Halves(input), Halves(input + 4));
  const __m128i high = RoundedHalves(Halves(input + 8), Halves(input + 12));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(output), _mm_packs_epi16(low, high));
}
#elif defined(__aarch64__)
int16x4_t Rounded(const float* input) {
  const float32x4_t x = vmaxnmq_f32(vld1q_f32(input), vdupq_n_f32(-128.0f));  // not NaN
  return vqmovn_s32(vcvtaq_s32_f32(x));  // "a": half away from zero
}

void Round16(const float* input, int8_t* output) {
  vst1_s8(output, vqmovn_s16(vcombine_s16(Rounded(input), Rounded(input + 4))));
  vst1_s8(output + 8, vqmovn_s16(vcombine_s16(Rounded(input + 8), Rounded(input + 12))));
}
#else
void Round16(const float* input, int8_t* output) {
  for (int i = 0; i < 16; ++i) output[i] = Round(input[i]);
}
#endif

}  // namespace

void RoundToInt8(const float* input, int64_t count, int8_t* output) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) Round16(input + i, output + i);
  for (; i < count; ++i) output[i] = Round(input[i]);
}

}  // namespace kgn
