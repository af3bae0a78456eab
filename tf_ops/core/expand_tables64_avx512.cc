// Makes look-up tables (layout_tables64.cc) out of packed values.
//
// For a pair of values a, b let U = a + b and D = a - b: the four sums of +-a and +-b are U, -D, D,
// -U. A table of four inputs is a sum of two such choices, one for each of its pairs.
#include <cstring>

#include "core/avx512.h"
#include "core/expand_tables.h"

namespace kgn {
namespace {

// Where entry i of table t (0 ... 3) finds the choice for its pair h in the registers {U0, D0, U1,
// D1, ...} and their negatives.
struct Choices {
  alignas(64) unsigned char index[2][64];
};

constexpr Choices MakeChoices() {
  Choices choices = {};
  for (int h = 0; h < 2; ++h) {
    for (int lane = 0; lane < 64; ++lane) {
      const int at = 4 * (lane / 16) + 2 * h;
      const int signs = lane % 16 >> (2 * h) & 3;
      choices.index[h][lane] = static_cast<unsigned char>(signs == 0   ? at
                                                          : signs == 1 ? 64 + at + 1
                                                          : signs == 2 ? at + 1
                                                                       : 64 + at);
    }
  }
  return choices;
}

constexpr Choices kChoices = MakeChoices();

// The values of 64 channels, as bytes; `count` of them exist.
template <int kBits>
inline __m512i LoadValues(const uint32_t* words, ptrdiff_t plane_stride, int64_t count) {
  const __mmask64 valid = count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
  __mmask64 planes[kBits];
  for (int m = 0; m < kBits; ++m) {
    uint64_t bits = words[m * plane_stride];
    if (count > 32) bits |= static_cast<uint64_t>(words[m * plane_stride + 1]) << 32;
    planes[m] = _cvtu64_mask64(bits);
  }
  if constexpr (kBits == 1) {
    return _mm512_mask_blend_epi8(planes[0], _mm512_maskz_set1_epi8(valid, 1),
                                  _mm512_set1_epi8(-1));
  } else {
    __m512i values = _mm512_maskz_set1_epi8(planes[0], 1);
    for (int m = 1; m < kBits; ++m)
      values =
          _mm512_or_si512(values, _mm512_maskz_set1_epi8(planes[m], static_cast<char>(1 << m)));
    return values;
  }
}

template <int kBits>
void Expand(const ExpandArgs& args) {
  const __m512i first = _mm512_load_si512(kChoices.index[0]);
  const __m512i second = _mm512_load_si512(kChoices.index[1]);
  const __m512i ones = _mm512_set1_epi8(1);
  const __m512i evens = _mm512_set1_epi16(1);
  for (int64_t pixel = 0; pixel < args.pixels; ++pixel) {
    const uint32_t* words = args.words + pixel * args.pixel_stride;
    char* out = args.tables + pixel * args.table_stride;
    for (int64_t c = 0; c < args.channels; c += 64, words += 2) {
      const int64_t count = args.channels - c;
      const __m512i values = LoadValues<kBits>(words, args.plane_stride, count);
      const __m512i sum = _mm512_maddubs_epi16(ones, values);
      const __m512i even = _mm512_maddubs_epi16(evens, values);
      const __m512i difference = _mm512_sub_epi16(_mm512_add_epi16(even, even), sum);
      const __m512i plus =
          _mm512_mask_blend_epi8(0xaaaaaaaaaaaaaaaau, sum, _mm512_slli_epi16(difference, 8));
      const __m512i minus = _mm512_sub_epi8(_mm512_setzero_si512(), plus);
      const int steps = count >= 64 ? 4 : static_cast<int>((count + 15) / 16);
      for (int q = 0; q < steps; ++q, out += 64) {
        const __m512i base = _mm512_set1_epi8(static_cast<char>(16 * q));
        const __m512i a = _mm512_permutex2var_epi8(plus, _mm512_add_epi8(first, base), minus);
        const __m512i b = _mm512_permutex2var_epi8(plus, _mm512_add_epi8(second, base), minus);
        _mm512_storeu_si512(out, _mm512_add_epi8(a, b));
      }
    }
  }
}

}  // namespace

void expand_tables64_avx512(const ExpandArgs& args) {
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
