#include <arm_neon.h>

#include "core/epilogue_neon.h"
#include "core/kernels.h"

namespace kgn {
namespace {

template <int kBits>
void QuantizePixels(const QuantizeArgs& args) {
  const int64_t words = (args.channels + 31) / 32;
  for (int64_t pixel = 0; pixel < args.pixels; ++pixel) {
    const float* in = args.input + pixel * args.channels;
    uint32_t* out = args.output + pixel * kBits * words;
    for (int64_t word = 0; word < words; ++word) {
      uint32_t planes[4] = {};
      for (int shift = 0; shift < 32; shift += 4) {
        const int64_t c = 32 * word + shift;
        if (c >= args.channels) break;
        const int left = args.channels - c < 4 ? static_cast<int>(args.channels - c) : 4;
        float32x4_t y = LoadPart(in + c, left);
        if (args.multiplier != nullptr) {
          y = vaddq_f32(vmulq_f32(LoadPart(args.multiplier + c, left), y),
                        LoadPart(args.bias + c, left));
        }
        const uint32_t valid = left == 4 ? 15u : (1u << left) - 1;
        const uint32x4_t codes = QuantizeCodes(y, kBits, args.scale);
        for (int m = 0; m < kBits; ++m) planes[m] |= (PlaneBits(codes, m) & valid) << shift;
      }
      for (int m = 0; m < kBits; ++m) out[m * words + word] = planes[m];
    }
  }
}

}  // namespace

void quantize_neon(const QuantizeArgs& args) {
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
