#include "core/epilogue_scalar.h"
#include "core/kernels.h"

namespace kgn {

void quantize_scalar(const QuantizeArgs& args) {
  const int64_t words = (args.channels + 31) / 32;
  for (int64_t pixel = 0; pixel < args.pixels; ++pixel) {
    const float* in = args.input + pixel * args.channels;
    uint32_t* out = args.output + pixel * args.bits * words;
    for (int64_t word = 0; word < words; ++word) {
      uint32_t planes[4] = {};
      for (int64_t c = 32 * word; c < args.channels && c < 32 * word + 32; ++c) {
        float y = in[c];
        if (args.multiplier != nullptr) {
          y = args.multiplier[c] * y;
          y = y + args.bias[c];
        }
        const uint32_t code = static_cast<uint32_t>(QuantizeScalar(y, args.bits, args.scale));
        for (int m = 0; m < args.bits; ++m) planes[m] |= (code >> m & 1u) << (c % 32);
      }
      for (int m = 0; m < args.bits; ++m) out[m * words + word] = planes[m];
    }
  }
}

}  // namespace kgn
