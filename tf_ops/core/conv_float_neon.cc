// Float activations, 1-bit weights that stay 1 bit in memory: each bit becomes the sign of a 1.0,
// used for all pixels of the tile.
#include <arm_neon.h>

#include "core/choose_tile.h"
#include "core/epilogue_neon.h"
#include "core/kernels.h"

namespace kgn {
namespace {

template <int kPixels, int kVectors>
void Tile(const ConvTile& tile) {
  // Shifts that bring the bits of the channels of vector j to the sign.
  const int32_t to_sign[4] = {31, 30, 29, 28};
  int32x4_t shifts[kVectors];
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; ++j) shifts[j] = vsubq_s32(vld1q_s32(to_sign), vdupq_n_s32(4 * j));
  const uint32x4_t sign = vdupq_n_u32(0x80000000u);
  const uint32x4_t one = vreinterpretq_u32_f32(vdupq_n_f32(1.0f));
  float32x4_t sums[kPixels][kVectors];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) sums[p][j] = vdupq_n_f32(0.0f);
  }
  const char* weights = tile.weights;
  for (int r = 0; r < tile.runs; ++r) {
    const ptrdiff_t end = tile.run[r] + 4 * static_cast<ptrdiff_t>(tile.run_steps);
    for (ptrdiff_t at = tile.run[r]; at < end; at += 4, weights += 4) {
      const uint32x4_t bits = vld1q_dup_u32(reinterpret_cast<const uint32_t*>(weights));
      float32x4_t a[kPixels];
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p)
        a[p] = vld1q_dup_f32(reinterpret_cast<const float*>(tile.pixel[p] + at));
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) {
        const uint32x4_t top = vshlq_u32(bits, shifts[j]);
        const float32x4_t w = vreinterpretq_f32_u32(vbslq_u32(sign, top, one));
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p) sums[p][j] = vfmaq_f32(sums[p][j], a[p], w);
      }
    }
  }
  // The epilogue is a loop over memory, so that the sums above can live in registers.
  float values[kPixels][4 * kVectors];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) vst1q_f32(values[p] + 4 * j, sums[p][j]);
  }
  for (int p = 0; p < kPixels; ++p) {
    FinishPixel<kVectors>(tile.out, p, [&](int j) { return vld1q_f32(values[p] + 4 * j); });
  }
}

}  // namespace

void conv_float_neon(const ConvTile& tile) {
  ChooseTile<2, 8>(tile.pixels, (tile.out.channels + 3) / 4,
                   [&tile](auto pixels, auto vectors) { Tile<pixels.value, vectors.value>(tile); });
}

}  // namespace kgn
