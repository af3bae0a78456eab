#pragma once

#include <cstring>

#include "core/avx512.h"
#include "core/kernels.h"

// The output transform of a tile in AVX-512 registers. Only for files compiled for AVX-512.
namespace kgn {
namespace {

// Writes one bit a channel of 16 channels that start at channel 16 * j of the block; a last even j
// owns the upper half word, too.
inline void StoreBits(__mmask16 mask, int j, bool last, uint32_t* words) {
  const uint16_t half = static_cast<uint16_t>(mask);
  if (last && j % 2 == 0) {
    words[j / 2] = half;
  } else {
    memcpy(reinterpret_cast<char*>(words) + 2 * j, &half, 2);
  }
}

inline void StorePacked(const TileOutput& out, __m512 y, __mmask16 valid, int j, bool last,
                        uint32_t* pixel) {
  if (out.out_bits == 1) {
    StoreBits(_mm512_mask_cmp_ps_mask(valid, y, _mm512_setzero_ps(), _CMP_LT_OQ), j, last, pixel);
    return;
  }
  // Clamping commutes with the rounding of the conversion; max returns its second operand for NaN.
  const __m512 largest = _mm512_set1_ps(static_cast<float>((1 << out.out_bits) - 1));
  const __m512 scaled =
      _mm512_max_ps(_mm512_mul_ps(y, _mm512_set1_ps(out.out_scale)), _mm512_setzero_ps());
  const __m512i code = _mm512_cvtps_epi32(_mm512_min_ps(scaled, largest));
  for (int m = 0; m < out.out_bits; ++m) {
    const __mmask16 mask = _mm512_mask_test_epi32_mask(valid, code, _mm512_set1_epi32(1 << m));
    StoreBits(mask, j, last, pixel + m * out.plane_stride);
  }
}

// The general activation of 16 channels from `c` on.
inline __m512 Activate(const TileActivation& activation, int c, __m512 y) {
  if (activation.slope != nullptr) {
    y = _mm512_mask_mul_ps(y, _mm512_cmp_ps_mask(y, _mm512_setzero_ps(), _CMP_LT_OQ), y,
                           _mm512_loadu_ps(activation.slope + c));
  }
  if (activation.clamp) {
    y = _mm512_max_ps(y, _mm512_set1_ps(activation.min));
    y = _mm512_min_ps(y, _mm512_set1_ps(activation.max));
  }
  if (activation.offset != nullptr) y = _mm512_add_ps(y, _mm512_loadu_ps(activation.offset + c));
  return y;
}

// sums[p][j]: channels 16 * j ... of pixel first_pixel + p, as float32 already for kFloat, else as
// int32.
template <int kPixels, int kVectors, bool kFloat, typename Vector>
inline __attribute__((always_inline)) void FinishTile(const TileOutput& out,
                                                      const Vector (&sums)[kPixels][kVectors],
                                                      int first_pixel = 0) {
  using Activation = ConvParams::Activation;
  const Activation activation = out.activation;
  const bool changes_sum = out.changes_sum, changes_addend = out.changes_addend;
  const __m512 zero = _mm512_setzero_ps();
  const __m512 scale = _mm512_set1_ps(out.scale);
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; ++j) {
    const int c = 16 * j;
    const bool last = j == kVectors - 1;
    const __mmask16 valid = last && out.channels < c + 16
                                ? static_cast<__mmask16>((1u << (out.channels - c)) - 1)
                                : static_cast<__mmask16>(0xffff);
    const __m512 multiplier = _mm512_loadu_ps(out.multiplier + c);
    const __m512 bias = _mm512_loadu_ps(out.bias + c);
#pragma GCC unroll 8
    for (int i = 0; i < kPixels; ++i) {
      const int p = first_pixel + i;
      __m512 v;
      if constexpr (kFloat) {
        v = sums[i][j];
      } else {
        __m512i sum = sums[i][j];
        if (out.corrections != nullptr)
          sum = _mm512_add_epi32(sum, _mm512_loadu_si512(out.corrections[p] + c));
        v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale,
                            _mm512_set1_ps(out.offsets[p]));  // exact
      }
      if (changes_sum) {
        if (out.clamp) {
          v = _mm512_max_ps(v, _mm512_set1_ps(out.clamp_min));
          v = _mm512_min_ps(v, _mm512_set1_ps(out.clamp_max));
        }
        if (out.pixel_scale != nullptr) v = _mm512_mul_ps(v, _mm512_set1_ps(out.pixel_scale[p]));
        if (out.channel_scales != nullptr)
          v = _mm512_mul_ps(v, _mm512_maskz_loadu_ps(valid, out.channel_scales[p] + c));
      }
      __m512 y = _mm512_add_ps(_mm512_mul_ps(v, multiplier), bias);
      if (activation != Activation::kNone) {
        if (activation == Activation::kRelu) y = _mm512_max_ps(y, zero);
        if (activation == Activation::kBeforeAddends) y = Activate(out.general, c, y);
      }
      const ptrdiff_t offset = p * out.pixel_stride + c;
      if (out.addend != nullptr) {
        __m512 addend = _mm512_maskz_loadu_ps(valid, out.addend + offset);
        if (out.addend_multiplier != nullptr)
          addend = _mm512_mul_ps(addend, _mm512_loadu_ps(out.addend_multiplier + c));
        y = _mm512_add_ps(y, addend);
        if (changes_addend) {
          if (out.second_addend != nullptr)
            y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(valid, out.second_addend + offset));
          if (activation == Activation::kAfterAddends) y = Activate(out.general, c, y);
        }
      }
      if (out.float_out != nullptr) _mm512_mask_storeu_ps(out.float_out + offset, valid, y);
      if (out.packed_out != nullptr) {
        if (out.quantize_multiplier != nullptr) {
          y = _mm512_add_ps(_mm512_mul_ps(y, _mm512_loadu_ps(out.quantize_multiplier + c)),
                            _mm512_loadu_ps(out.quantize_bias + c));
        }
        StorePacked(out, y, valid, j, last, out.packed_out + p * out.packed_stride);
      }
    }
  }
}

}  // namespace
}  // namespace kgn
