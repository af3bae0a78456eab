#include "core/conv_depthwise.h"
#include "core/epilogue_neon.h"

namespace kgn {
namespace {

struct Shorts {
  int16x8_t low = vdupq_n_s16(0);
  int16x8_t high = vdupq_n_s16(0);

  inline void MultiplyAdd(const int8_t* values, const int16_t* weights) {
    const int8x16_t a = vld1q_s8(values);
    low = vmlaq_s16(low, vmovl_s8(vget_low_s8(a)), vld1q_s16(weights));
    high = vmlaq_s16(high, vmovl_high_s8(a), vld1q_s16(weights + 8));
  }
  inline void AddTo(int32_t* to) const {
    vst1q_s32(to, vaddw_s16(vld1q_s32(to), vget_low_s16(low)));
    vst1q_s32(to + 4, vaddw_high_s16(vld1q_s32(to + 4), low));
    vst1q_s32(to + 8, vaddw_s16(vld1q_s32(to + 8), vget_low_s16(high)));
    vst1q_s32(to + 12, vaddw_high_s16(vld1q_s32(to + 12), high));
  }
};

// The epilogue writes whole words of 32 channels.
template <typename Values>
void Finish(const TileOutput& out, int p, const Values& values) {
  for (int first = 0; first < out.channels; first += 32) {
    TileOutput part = out;
    part.channels = out.channels - first < 32 ? out.channels - first : 32;
    part.multiplier += first;
    part.bias += first;
    const float* scales[8];  // of all pixels of a tile
    if (part.channel_scales != nullptr) {
      scales[p] = out.channel_scales[p] + first;
      part.channel_scales = scales;
    }
    if (part.general.slope != nullptr) part.general.slope += first;
    if (part.general.offset != nullptr) part.general.offset += first;
    if (part.addend != nullptr) part.addend += first;
    if (part.second_addend != nullptr) part.second_addend += first;
    if (part.addend_multiplier != nullptr) part.addend_multiplier += first;
    if (part.quantize_multiplier != nullptr) {
      part.quantize_multiplier += first;
      part.quantize_bias += first;
    }
    if (part.float_out != nullptr) part.float_out += first;
    if (part.packed_out != nullptr) part.packed_out += first / 32;
    FinishVectors<8>(part, p, (part.channels + 3) / 4,
                     [&](int j) { return values(part, first / 4 + j); });
  }
}

}  // namespace

void conv_depthwise_neon(const ConvTile& tile) {
  for (int p = 0; p < tile.pixels; ++p) {
    int32_t sums[kDepthwiseBlock];
    SumDepthwise<Shorts>(tile, p, sums);
    Finish(tile.out, p, [&](const TileOutput& out, int j) {
      return ValueOf(out, p, j, vld1q_s32(sums + 4 * j));
    });
  }
}

void conv_depthwise_float_neon(const ConvTile& tile) {
  for (int p = 0; p < tile.pixels; ++p) {
    float sums[kDepthwiseBlock];
    SumDepthwise(tile, p, sums);
    Finish(tile.out, p, [&](const TileOutput&, int j) { return vld1q_f32(sums + 4 * j); });
  }
}

}  // namespace kgn
