// Makes look-up tables (WeightLayout::kTables16) out of packed values, as expand_avx512.cc does.
#include <immintrin.h>

#include "core/kernels.h"

namespace kgn {
namespace {

// For table t of two and pair h: which of {U0, D0, U1, D1, ...} entry i takes, and its sign.
struct Choices {
  alignas(32) signed char index[2][32];
  alignas(32) signed char sign[2][32];
};

constexpr Choices MakeChoices() {
  Choices choices = {};
  for (int h = 0; h < 2; ++h) {
    for (int lane = 0; lane < 32; ++lane) {
      const int at = 4 * (lane / 16) + 2 * h;
      const int signs = lane % 16 >> (2 * h) & 3;
      choices.index[h][lane] = static_cast<signed char>(signs == 0 || signs == 3 ? at : at + 1);
      choices.sign[h][lane] = static_cast<signed char>(signs == 0 || signs == 2 ? 1 : -1);
    }
  }
  return choices;
}

constexpr Choices kChoices = MakeChoices();

inline __m256i Load(const signed char* from) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
}

// 16 bits, at the low end of `bits`, to bytes of 0 or -1, twice.
inline __m128i BytesOfBits(uint32_t bits) {
  const __m128i spread =
      _mm_shuffle_epi8(_mm_cvtsi32_si128(static_cast<int>(bits)),
                       _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const __m128i select = _mm_set1_epi64x(static_cast<long long>(0x8040201008040201u));
  return _mm_cmpeq_epi8(_mm_and_si128(spread, select), select);
}

// The values of 16 channels; `half` is 0 or 16.
template <int kBits>
inline __m128i LoadValues(const uint32_t* words, ptrdiff_t plane_stride, int half, int64_t count) {
  if constexpr (kBits == 1) {
    const __m128i valid = BytesOfBits(count >= 16 ? 0xffffu : (1u << count) - 1);
    // 0 - (-1 | 1) = -1 + ... : 1 where the bit is 0, -1 where it is 1, 0 where there is no
    // channel.
    return _mm_and_si128(_mm_or_si128(BytesOfBits(words[0] >> half), _mm_set1_epi8(1)), valid);
  } else {
    __m128i values = _mm_setzero_si128();
    for (int m = 0; m < kBits; ++m) {
      const __m128i bit = _mm_set1_epi8(static_cast<char>(1 << m));
      values =
          _mm_or_si128(values, _mm_and_si128(BytesOfBits(words[m * plane_stride] >> half), bit));
    }
    return values;
  }
}

template <int kBits>
void Expand(const ExpandArgs& args) {
  const __m256i index0 = Load(kChoices.index[0]);
  const __m256i index1 = Load(kChoices.index[1]);
  const __m256i sign0 = Load(kChoices.sign[0]);
  const __m256i sign1 = Load(kChoices.sign[1]);
  for (int64_t pixel = 0; pixel < args.pixels; ++pixel) {
    const uint32_t* words = args.words + pixel * args.pixel_stride;
    char* out = args.tables + pixel * args.table_stride;
    for (int64_t c = 0; c < args.channels; c += 16) {
      const int64_t count = args.channels - c;
      const __m128i values =
          LoadValues<kBits>(words + c / 32, args.plane_stride, c % 32 == 0 ? 0 : 16, count);
      const __m128i sum = _mm_maddubs_epi16(_mm_set1_epi8(1), values);
      const __m128i even = _mm_maddubs_epi16(_mm_set1_epi16(1), values);
      const __m128i difference = _mm_sub_epi16(_mm_add_epi16(even, even), sum);
      const __m128i pairs = _mm_blendv_epi8(sum, _mm_slli_epi16(difference, 8),
                                            _mm_set1_epi16(static_cast<short>(0xff00)));
      const __m256i source = _mm256_broadcastsi128_si256(pairs);
      const int tables = count >= 16 ? 4 : static_cast<int>((count + 3) / 4);
      for (int t = 0; t < tables; t += 2, out += 32) {
        const __m256i base = _mm256_set1_epi8(static_cast<char>(4 * t));
        const __m256i a =
            _mm256_sign_epi8(_mm256_shuffle_epi8(source, _mm256_add_epi8(index0, base)), sign0);
        const __m256i b =
            _mm256_sign_epi8(_mm256_shuffle_epi8(source, _mm256_add_epi8(index1, base)), sign1);
        const __m256i both = _mm256_add_epi8(a, b);
        if (t + 1 < tables) {
          _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), both);
        } else {
          _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(both));
        }
      }
    }
  }
}

}  // namespace

void expand_tables_avx2(const ExpandArgs& args) {
  switch (args.bits) {
    case 1:
      return Expand<1>(args);
    case 2:
      return Expand<2>(args);
    default:
      return Expand<4>(args);
  }
}

}  // namespace kgn
