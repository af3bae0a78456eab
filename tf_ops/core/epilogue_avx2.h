#pragma once

#include <immintrin.h>

#include "core/kernels.h"

// The output transform of a tile in AVX2 registers. Only for files compiled for AVX2.
namespace kgn {
namespace {

// Lanes below `count` are -1, others 0.
inline __m256i LaneMask(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// Writes one bit a channel of the 8 channels from 8 * j on; the last vector clears the rest of its
// word.
inline void StoreBits(int mask, int j, bool last, uint32_t* words) {
  uint8_t* bytes = reinterpret_cast<uint8_t*>(words);
  bytes[j] = static_cast<uint8_t>(mask);
  if (last) {
    for (int rest = j + 1; rest % 4 != 0; ++rest) bytes[rest] = 0;
  }
}

inline void StorePacked(const TileOutput& out, __m256 y, __m256i valid, int j, bool last,
                        uint32_t* pixel) {
  if (out.out_bits == 1) {
    const __m256 negative = _mm256_and_ps(_mm256_cmp_ps(y, _mm256_setzero_ps(), _CMP_LT_OQ),
                                          _mm256_castsi256_ps(valid));
    StoreBits(_mm256_movemask_ps(negative), j, last, pixel);
    return;
  }
  // Clamping commutes with the rounding of the conversion; max returns its second operand for NaN.
  const __m256 largest = _mm256_set1_ps(static_cast<float>((1 << out.out_bits) - 1));
  const __m256 scaled =
      _mm256_max_ps(_mm256_mul_ps(y, _mm256_set1_ps(out.out_scale)), _mm256_setzero_ps());
  const __m256i code = _mm256_and_si256(_mm256_cvtps_epi32(_mm256_min_ps(scaled, largest)), valid);
  for (int m = 0; m < out.out_bits; ++m) {
    const __m256i top = _mm256_sll_epi32(code, _mm_cvtsi32_si128(31 - m));
    StoreBits(_mm256_movemask_ps(_mm256_castsi256_ps(top)), j, last, pixel + m * out.plane_stride);
  }
}

// The general activation of 8 channels from `c` on.
inline __m256 Activate(const TileActivation& activation, int c, __m256 y) {
  if (activation.slope != nullptr) {
    y = _mm256_blendv_ps(y, _mm256_mul_ps(y, _mm256_loadu_ps(activation.slope + c)),
                         _mm256_cmp_ps(y, _mm256_setzero_ps(), _CMP_LT_OQ));
  }
  if (activation.clamp) {
    y = _mm256_max_ps(y, _mm256_set1_ps(activation.min));
    y = _mm256_min_ps(y, _mm256_set1_ps(activation.max));
  }
  if (activation.offset != nullptr) y = _mm256_add_ps(y, _mm256_loadu_ps(activation.offset + c));
  return y;
}

// The 8 channels from 8 * j on of pixel p; `v` is the value of docs/ops.md, before pre_activation.
inline void FinishVector(const TileOutput& out, int p, int j, bool last, __m256 v) {
  const int c = 8 * j;
  const __m256i valid = LaneMask(out.channels - c);
  using Activation = ConvParams::Activation;
  if (out.changes_sum) {
    if (out.clamp) {
      v = _mm256_max_ps(v, _mm256_set1_ps(out.clamp_min));
      v = _mm256_min_ps(v, _mm256_set1_ps(out.clamp_max));
    }
    if (out.pixel_scale != nullptr) v = _mm256_mul_ps(v, _mm256_set1_ps(out.pixel_scale[p]));
    if (out.channel_scales != nullptr)
      v = _mm256_mul_ps(v, _mm256_maskload_ps(out.channel_scales[p] + c, valid));
  }
  __m256 y = _mm256_add_ps(_mm256_mul_ps(v, _mm256_loadu_ps(out.multiplier + c)),
                           _mm256_loadu_ps(out.bias + c));
  if (out.activation != Activation::kNone) {
    if (out.activation == Activation::kRelu) y = _mm256_max_ps(y, _mm256_setzero_ps());
    if (out.activation == Activation::kBeforeAddends) y = Activate(out.general, c, y);
  }
  const ptrdiff_t offset = p * out.pixel_stride + c;
  if (out.addend != nullptr) {
    __m256 addend = _mm256_maskload_ps(out.addend + offset, valid);
    if (out.addend_multiplier != nullptr)
      addend = _mm256_mul_ps(addend, _mm256_loadu_ps(out.addend_multiplier + c));
    y = _mm256_add_ps(y, addend);
    if (out.changes_addend) {
      if (out.second_addend != nullptr)
        y = _mm256_add_ps(y, _mm256_maskload_ps(out.second_addend + offset, valid));
      if (out.activation == Activation::kAfterAddends) y = Activate(out.general, c, y);
    }
  }
  if (out.float_out != nullptr) {
    if (out.channels >= c + 8) {
      _mm256_storeu_ps(out.float_out + offset, y);
    } else {
      _mm256_maskstore_ps(out.float_out + offset, valid, y);
    }
  }
  if (out.packed_out != nullptr) {
    if (out.quantize_multiplier != nullptr) {
      y = _mm256_add_ps(_mm256_mul_ps(y, _mm256_loadu_ps(out.quantize_multiplier + c)),
                        _mm256_loadu_ps(out.quantize_bias + c));
    }
    StorePacked(out, y, valid, j, last, out.packed_out + p * out.packed_stride);
  }
}

// The same from the kernel's integer sums.
inline void FinishVector(const TileOutput& out, int p, int j, bool last, __m256i sum) {
  if (out.corrections != nullptr) {
    sum = _mm256_add_epi32(
        sum, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(out.corrections[p] + 8 * j)));
  }
  const __m256 v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(out.scale),
                                   _mm256_set1_ps(out.offsets[p]));  // exact
  FinishVector(out, p, j, last, v);
}

}  // namespace
}  // namespace kgn
