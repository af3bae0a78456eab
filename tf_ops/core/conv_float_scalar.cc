// Float activations, 1-bit weights, portable.
#include <cstring>

#include "core/epilogue_scalar.h"
#include "core/kernels.h"

namespace kgn {

void conv_float_scalar(const ConvTile& tile) {
  for (int p = 0; p < tile.pixels; ++p) {
    float sums[32] = {};
    const char* weights = tile.weights;
    for (int r = 0; r < tile.runs; ++r) {
      const char* pixel = tile.pixel[p] + tile.run[r];
      for (int step = 0; step < tile.run_steps; ++step, weights += 4) {
        uint32_t a, signs;
        memcpy(&a, pixel + 4 * step, 4);
        memcpy(&signs, weights, 4);
        for (int c = 0; c < 32; ++c) {
          const uint32_t product_bits = a ^ (signs >> c) << 31;
          float product;
          memcpy(&product, &product_bits, 4);
          sums[c] += product;
        }
      }
    }
    FinishScalar(tile.out, p, sums);
  }
}

}  // namespace kgn
