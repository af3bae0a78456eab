#pragma once

#include <arm_neon.h>

#include <cstring>

#include "core/kernels.h"

// The output transform of a tile in NEON registers.
namespace kgn {
namespace {

// NEON's maximum propagates NaN; docs/ops.md takes the second operand, as x86 does.
inline float32x4_t MaxOrSecond(float32x4_t a, float32x4_t b) {
  return vbslq_f32(vcgtq_f32(a, b), a, b);
}
inline float32x4_t MinOrSecond(float32x4_t a, float32x4_t b) {
  return vbslq_f32(vcltq_f32(a, b), a, b);
}

inline float32x4_t LoadPart(const float* from, int count) {
  if (count >= 4) return vld1q_f32(from);
  float part[4] = {};
  memcpy(part, from, 4 * static_cast<size_t>(count));
  return vld1q_f32(part);
}

inline void StorePart(float* to, float32x4_t values, int count) {
  if (count >= 4) return vst1q_f32(to, values);
  float part[4];
  vst1q_f32(part, values);
  memcpy(to, part, 4 * static_cast<size_t>(count));
}

// Clamped, half-to-even rounded codes; for one bit, 1 where y < 0.
inline uint32x4_t QuantizeCodes(float32x4_t y, int bits, float scale) {
  if (bits == 1) return vshrq_n_u32(vcltq_f32(y, vdupq_n_f32(0.0f)), 31);
  const float32x4_t scaled = MaxOrSecond(vmulq_n_f32(y, scale), vdupq_n_f32(0.0f));
  return vcvtnq_u32_f32(MinOrSecond(scaled, vdupq_n_f32(static_cast<float>((1 << bits) - 1))));
}

// Bit m of 4 codes, at bits 0 ... 3.
inline uint32_t PlaneBits(uint32x4_t codes, int m) {
  const int32_t shifts[4] = {0, 1, 2, 3};
  const uint32x4_t bit = vandq_u32(vshlq_u32(codes, vdupq_n_s32(-m)), vdupq_n_u32(1));
  return vaddvq_u32(vshlq_u32(bit, vld1q_s32(shifts)));
}

// The general activation of 4 channels from `c` on.
inline float32x4_t Activate(const TileActivation& activation, int c, float32x4_t y) {
  if (activation.slope != nullptr) {
    y = vbslq_f32(vcltq_f32(y, vdupq_n_f32(0.0f)), vmulq_f32(y, vld1q_f32(activation.slope + c)),
                  y);
  }
  if (activation.clamp) {
    y = MaxOrSecond(y, vdupq_n_f32(activation.min));
    y = MinOrSecond(y, vdupq_n_f32(activation.max));
  }
  if (activation.offset != nullptr) y = vaddq_f32(y, vld1q_f32(activation.offset + c));
  return y;
}

// The value of 4 channels from 4 * j on of pixel p, v as in docs/ops.md; returns what is quantized.
inline float32x4_t FinishVector(const TileOutput& out, int p, int j, float32x4_t v) {
  const int c = 4 * j;
  if (out.clamp) {
    v = MaxOrSecond(v, vdupq_n_f32(out.clamp_min));
    v = MinOrSecond(v, vdupq_n_f32(out.clamp_max));
  }
  if (out.pixel_scale != nullptr) v = vmulq_n_f32(v, out.pixel_scale[p]);
  if (out.channel_scales != nullptr)
    v = vmulq_f32(v, LoadPart(out.channel_scales[p] + c, out.channels - c));
  float32x4_t y = vaddq_f32(vmulq_f32(v, vld1q_f32(out.multiplier + c)), vld1q_f32(out.bias + c));
  if (out.activation == ConvParams::Activation::kRelu) y = MaxOrSecond(y, vdupq_n_f32(0.0f));
  if (out.activation == ConvParams::Activation::kBeforeAddends) y = Activate(out.general, c, y);
  const ptrdiff_t offset = p * out.pixel_stride + c;
  if (out.addend != nullptr) {
    float32x4_t addend = LoadPart(out.addend + offset, out.channels - c);
    if (out.addend_multiplier != nullptr)
      addend = vmulq_f32(addend, vld1q_f32(out.addend_multiplier + c));
    y = vaddq_f32(y, addend);
    if (out.second_addend != nullptr)
      y = vaddq_f32(y, LoadPart(out.second_addend + offset, out.channels - c));
    if (out.activation == ConvParams::Activation::kAfterAddends) y = Activate(out.general, c, y);
  }
  if (out.float_out != nullptr) StorePart(out.float_out + offset, y, out.channels - c);
  if (out.quantize_multiplier == nullptr) return y;
  return vaddq_f32(vmulq_f32(y, vld1q_f32(out.quantize_multiplier + c)),
                   vld1q_f32(out.quantize_bias + c));
}

// The first `vectors` vectors of one pixel; `values(j)` gives v of vector j.
template <int kMaxVectors, typename Values>
inline __attribute__((always_inline)) void FinishVectors(const TileOutput& out, int p, int vectors,
                                                         const Values& values) {
  const bool plain = !out.clamp && out.pixel_scale == nullptr && out.channel_scales == nullptr &&
                     out.activation == ConvParams::Activation::kNone && out.addend == nullptr &&
                     out.packed_out == nullptr && out.channels == 4 * vectors;
  if (plain) {  // most instructions of the general case only ask what is to be done
    float* to = out.float_out + p * out.pixel_stride;
    for (int j = 0; j < kMaxVectors && j < vectors; ++j) {
      vst1q_f32(to + 4 * j, vaddq_f32(vmulq_f32(values(j), vld1q_f32(out.multiplier + 4 * j)),
                                      vld1q_f32(out.bias + 4 * j)));
    }
    return;
  }
  uint32_t planes[4] = {};
  for (int j = 0; j < kMaxVectors && j < vectors; ++j) {
    const float32x4_t y = FinishVector(out, p, j, values(j));
    if (out.packed_out == nullptr) continue;
    const int left = out.channels - 4 * j;
    const uint32_t valid = left >= 4 ? 15u : (1u << left) - 1;
    const uint32x4_t codes = QuantizeCodes(y, out.out_bits, out.out_scale);
    for (int m = 0; m < out.out_bits; ++m) planes[m] |= (PlaneBits(codes, m) & valid) << (4 * j);
  }
  if (out.packed_out == nullptr) return;
  uint32_t* words = out.packed_out + p * out.packed_stride;
  for (int m = 0; m < out.out_bits; ++m) words[m * out.plane_stride] = planes[m];
}

template <int kVectors, typename Values>
inline __attribute__((always_inline)) void FinishPixel(const TileOutput& out, int p,
                                                       const Values& values) {
  FinishVectors<kVectors>(out, p, kVectors, values);
}

// v of 4 channels from the kernel's integer sums.
inline float32x4_t ValueOf(const TileOutput& out, int p, int j, int32x4_t sum) {
  if (out.corrections != nullptr) sum = vaddq_s32(sum, vld1q_s32(out.corrections[p] + 4 * j));
  return vfmaq_n_f32(vdupq_n_f32(out.offsets[p]), vcvtq_f32_s32(sum), out.scale);  // exact
}

}  // namespace
}  // namespace kgn
