#include "core/epilogue_scalar.h"

#include <cmath>

namespace kgn {
namespace {

float Activate(const TileActivation& activation, int c, float y) {
  if (activation.slope != nullptr && y < 0.0f) y = activation.slope[c] * y;
  if (activation.clamp) {
    y = y > activation.min ? y : activation.min;
    y = y < activation.max ? y : activation.max;
  }
  if (activation.offset != nullptr) y = y + activation.offset[c];
  return y;
}

void Finish(const TileOutput& out, int p, int c, float v) {
  if (out.clamp) {
    v = v > out.clamp_min ? v : out.clamp_min;
    v = v < out.clamp_max ? v : out.clamp_max;
  }
  if (out.pixel_scale != nullptr) v = v * out.pixel_scale[p];
  if (out.channel_scales != nullptr) v = v * out.channel_scales[p][c];
  float y = out.multiplier[c] * v;
  y = y + out.bias[c];
  if (out.activation == ConvParams::Activation::kRelu) y = y > 0.0f ? y : 0.0f;
  if (out.activation == ConvParams::Activation::kBeforeAddends) y = Activate(out.general, c, y);
  const ptrdiff_t offset = p * out.pixel_stride + c;
  if (out.addend != nullptr) {
    float addend = out.addend[offset];
    if (out.addend_multiplier != nullptr) addend = out.addend_multiplier[c] * addend;
    y = y + addend;
    if (out.second_addend != nullptr) y = y + out.second_addend[offset];
    if (out.activation == ConvParams::Activation::kAfterAddends) y = Activate(out.general, c, y);
  }
  if (out.float_out != nullptr) out.float_out[offset] = y;
  if (out.packed_out != nullptr) {
    if (out.quantize_multiplier != nullptr) {
      y = out.quantize_multiplier[c] * y;
      y = y + out.quantize_bias[c];
    }
    const int code = QuantizeScalar(y, out.out_bits, out.out_scale);
    for (int m = 0; m < out.out_bits; ++m) {
      uint32_t* word = out.packed_out + p * out.packed_stride + m * out.plane_stride + c / 32;
      if (c % 32 == 0) *word = 0;
      *word |= static_cast<uint32_t>(code >> m & 1) << (c % 32);
    }
  }
}

}  // namespace

int QuantizeScalar(float y, int bits, float scale) {
  if (bits == 1) return y < 0.0f;
  const float code = std::nearbyint(y * scale);
  const float largest = static_cast<float>((1 << bits) - 1);
  if (!(code > 0.0f)) return 0;  // NaN, too
  return static_cast<int>(code < largest ? code : largest);
}

void FinishScalar(const TileOutput& out, int p, const int32_t* sums) {
  for (int c = 0; c < out.channels; ++c) {
    const int32_t sum = sums[c] + (out.corrections != nullptr ? out.corrections[p][c] : 0);
    Finish(out, p, c, out.offsets[p] + out.scale * static_cast<float>(sum));
  }
}

void FinishScalar(const TileOutput& out, int p, const float* sums) {
  for (int c = 0; c < out.channels; ++c) Finish(out, p, c, sums[c]);
}

}  // namespace kgn
