// Makes look-up tables (WeightLayout::kTables16) out of packed values, as expand_avx512.cc does.
#include <arm_neon.h>

#include "core/kernels.h"

namespace kgn {
namespace {

// Where entry i of a table finds the choice for its pair h in {U0 ... U7, D0 ... D7} and their
// negatives; pair 0 of table 0.
struct Choices {
  unsigned char index[2][16];
};

constexpr Choices MakeChoices() {
  Choices choices = {};
  for (int h = 0; h < 2; ++h) {
    for (int i = 0; i < 16; ++i) {
      const int signs = i >> (2 * h) & 3;
      choices.index[h][i] = static_cast<unsigned char>(h + (signs == 0   ? 0
                                                            : signs == 1 ? 24
                                                            : signs == 2 ? 8
                                                                         : 16));
    }
  }
  return choices;
}

constexpr Choices kChoices = MakeChoices();

// 16 bits to bytes of 0 or 255.
inline uint8x16_t BytesOfBits(uint32_t bits) {
  const uint8x16_t select = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
  const uint8x16_t spread = vcombine_u8(vdup_n_u8(static_cast<uint8_t>(bits)),
                                        vdup_n_u8(static_cast<uint8_t>(bits >> 8)));
  return vtstq_u8(spread, select);
}

// The values of 16 channels; `half` is 0 or 16.
template <int kBits>
inline int8x16_t LoadValues(const uint32_t* words, ptrdiff_t plane_stride, int half,
                            int64_t count) {
  if constexpr (kBits == 1) {
    const uint8x16_t valid = BytesOfBits(count >= 16 ? 0xffffu : (1u << count) - 1);
    return vreinterpretq_s8_u8(
        vandq_u8(vorrq_u8(BytesOfBits(words[0] >> half), vdupq_n_u8(1)), valid));
  } else {
    uint8x16_t values = vdupq_n_u8(0);
    for (int m = 0; m < kBits; ++m) {
      const uint8x16_t bit = vdupq_n_u8(static_cast<uint8_t>(1 << m));
      values = vorrq_u8(values, vandq_u8(BytesOfBits(words[m * plane_stride] >> half), bit));
    }
    return vreinterpretq_s8_u8(values);
  }
}

template <int kBits>
void Expand(const ExpandArgs& args) {
  const uint8x16_t first = vld1q_u8(kChoices.index[0]);
  const uint8x16_t second = vld1q_u8(kChoices.index[1]);
  for (int64_t pixel = 0; pixel < args.pixels; ++pixel) {
    const uint32_t* words = args.words + pixel * args.pixel_stride;
    char* out = args.tables + pixel * args.table_stride;
    for (int64_t c = 0; c < args.channels; c += 16) {
      const int64_t count = args.channels - c;
      const int8x16_t values =
          LoadValues<kBits>(words + c / 32, args.plane_stride, c % 32 == 0 ? 0 : 16, count);
      const int8x16_t even = vuzp1q_s8(values, values);
      const int8x16_t odd = vuzp2q_s8(values, values);
      int8x16x2_t source;
      source.val[0] =
          vcombine_s8(vget_low_s8(vaddq_s8(even, odd)), vget_low_s8(vsubq_s8(even, odd)));
      source.val[1] = vnegq_s8(source.val[0]);
      const int tables = count >= 16 ? 4 : static_cast<int>((count + 3) / 4);
      for (int t = 0; t < tables; ++t, out += 16) {
        const uint8x16_t base = vdupq_n_u8(static_cast<uint8_t>(2 * t));
        const int8x16_t a = vqtbl2q_s8(source, vaddq_u8(first, base));
        const int8x16_t b = vqtbl2q_s8(source, vaddq_u8(second, base));
        vst1q_s8(reinterpret_cast<int8_t*>(out), vaddq_s8(a, b));
      }
    }
  }
}

}  // namespace

void expand_tables_neon(const ExpandArgs& args) {
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
