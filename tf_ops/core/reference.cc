#include "core/reference.h"

#include <cmath>
#include <limits>

#include "core/bitpack.h"

namespace kgn {
namespace {

// The code of channel `c` of a packed pixel; 1 bit: 1 iff the value is -1.
int GetCode(const int32_t* pixel, int64_t channels, int bits, int64_t c) {
  int code = 0;
  for (int m = 0; m < bits; ++m) {
    const uint32_t word = static_cast<uint32_t>(pixel[m * WordsFor(channels) + c / 32]);
    code |= static_cast<int>(word >> (c % 32) & 1) << m;
  }
  return code;
}

// Expects the bits to be 0 before.
void SetCode(int32_t* pixel, int64_t channels, int bits, int64_t c, int code) {
  for (int m = 0; m < bits; ++m) {
    int32_t* word = pixel + m * WordsFor(channels) + c / 32;
    *word = static_cast<int32_t>(static_cast<uint32_t>(*word) | static_cast<uint32_t>(code >> m & 1)
                                                                    << (c % 32));
  }
}

void ClearPixel(int32_t* pixel, int64_t channels, int bits) {
  for (int64_t i = 0; i < PackedWords(channels, bits); ++i) pixel[i] = 0;
}

int QuantizeValue(float y, int bits, float scale) {
  if (bits == 1) return y < 0.0f;
  const float code = std::nearbyint(y * scale);
  const float largest = static_cast<float>((1 << bits) - 1);
  if (!(code > 0.0f)) return 0;  // NaN, too
  return static_cast<int>(code < largest ? code : largest);
}

// Sum over the taps of output channel `o`: an integer or, as popcount, half an integer, exact; for
// 32 bits a float sum.
float Sum(const ConvParams& p, const ConvWeights& w, int64_t height, int64_t width, int64_t n,
          int64_t top, int64_t left, int64_t o, const void* input) {
  const int64_t per_group = p.channels_in / p.groups;
  const int64_t group = o / (p.channels_out / p.groups);
  int64_t sum = 0;
  float float_sum = 0;
  for (int64_t ky = 0; ky < p.kernel_height; ++ky) {
    for (int64_t kx = 0; kx < p.kernel_width; ++kx) {
      const int64_t y = top + ky * p.dilation_height;
      const int64_t x = left + kx * p.dilation_width;
      const bool inside = y >= 0 && y < height && x >= 0 && x < width;
      if (!inside && p.pad_value == 0) continue;
      const int32_t* tap =
          w.weights + ((o * p.kernel_height + ky) * p.kernel_width + kx) * WordsFor(per_group);
      const int64_t pixel = (n * height + y) * width + x;
      for (int64_t i = 0; i < per_group; ++i) {
        const int64_t c = group * per_group + i;
        const int weight = GetCode(tap, per_group, 1, i) != 0 ? -1 : 1;
        if (p.bits == 32) {
          float_sum +=
              weight *
              (inside ? static_cast<const float*>(input)[pixel * p.channels_in + c] : p.pad_value);
          continue;
        }
        const int32_t* words =
            static_cast<const int32_t*>(input) + pixel * PackedWords(p.channels_in, p.bits);
        int value = inside ? GetCode(words, p.channels_in, p.bits, c) : p.pad_value;
        if (p.bits == 1 && inside) value = value != 0 ? -1 : 1;
        sum += value * weight;
      }
    }
  }
  if (p.sum == ConvParams::Sum::kPopcount)
    return 0.5f * static_cast<float>(int64_t{p.kernel_height} * p.kernel_width * per_group - sum);
  return p.bits == 32 ? float_sum : static_cast<float>(sum);
}

// The general activation of output channel `o`.
float Activate(const ConvParams& p, const ConvWeights& w, int64_t o, float y) {
  if (w.slope != nullptr && y < 0.0f) y = w.slope[o] * y;
  if (p.activation_min > -std::numeric_limits<float>::infinity() ||
      p.activation_max < std::numeric_limits<float>::infinity()) {
    y = y > p.activation_min ? y : p.activation_min;
    y = y < p.activation_max ? y : p.activation_max;
  }
  if (w.offset != nullptr) y = y + w.offset[o];
  return y;
}

}  // namespace

void ReferenceQuantize(const QuantizeParams& params, int64_t pixels, const float* input,
                       int32_t* output) {
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    int32_t* out = output + pixel * PackedWords(params.channels, params.bits);
    ClearPixel(out, params.channels, params.bits);
    for (int64_t c = 0; c < params.channels; ++c) {
      float y = input[pixel * params.channels + c];
      if (params.multiplier != nullptr) {
        y = params.multiplier[c] * y;
        y = y + params.bias[c];
      }
      SetCode(out, params.channels, params.bits, c, QuantizeValue(y, params.bits, params.scale));
    }
  }
}

void ReferenceDequantize(const DequantizeParams& params, int64_t pixels, const int32_t* input,
                         float* output) {
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int64_t c = 0; c < params.channels; ++c) {
      const int code = GetCode(input + pixel * PackedWords(params.channels, params.bits),
                               params.channels, params.bits, c);
      const float value =
          params.bits == 1 ? (code != 0 ? -1.0f : 1.0f) : static_cast<float>(code) * params.scale;
      output[pixel * params.channels + c] = value;
    }
  }
}

void ReferenceConv2D(const ConvParams& p, const ConvWeights& w, int64_t batch, int64_t height,
                     int64_t width, const ConvTensors& t) {
  int64_t pad_top, pad_left;
  const int64_t out_height = ConvOutputSize(height, p.kernel_height, p.stride_height,
                                            p.dilation_height, p.padding, &pad_top);
  const int64_t out_width =
      ConvOutputSize(width, p.kernel_width, p.stride_width, p.dilation_width, p.padding, &pad_left);
  for (int64_t pixel = 0; pixel < batch * out_height * out_width; ++pixel) {
    const int64_t n = pixel / (out_height * out_width);
    const int64_t top = pixel / out_width % out_height * p.stride_height - pad_top;
    const int64_t left = pixel % out_width * p.stride_width - pad_left;
    int32_t* packed = t.packed_out + pixel * PackedWords(p.channels_out, p.out_bits);
    if (p.out_bits > 0) ClearPixel(packed, p.channels_out, p.out_bits);
    for (int64_t o = 0; o < p.channels_out; ++o) {
      float v = Sum(p, w, height, width, n, top, left, o, t.input);
      if (p.sum == ConvParams::Sum::kPopcount) v = v * p.acc_scale + p.acc_offset;
      if (p.clamp) {
        v = v > p.clamp_min ? v : p.clamp_min;
        v = v < p.clamp_max ? v : p.clamp_max;
      }
      if (t.pixel_scale_kind == PixelScale::kPerPixel) v = v * t.pixel_scale[pixel];
      if (t.pixel_scale_kind == PixelScale::kPerImage) v = v * t.pixel_scale[n];
      if (t.pixel_scale_kind == PixelScale::kPerChannel)
        v = v * t.pixel_scale[n * p.channels_out + o];
      float y = w.multiplier[o] * v;
      y = y + w.bias[o];
      if (p.activation == ConvParams::Activation::kRelu) y = y > 0.0f ? y : 0.0f;
      if (p.activation == ConvParams::Activation::kBeforeAddends) y = Activate(p, w, o, y);
      if (t.addend != nullptr) {
        float addend = t.addend[pixel * p.channels_out + o];
        if (w.addend_multiplier != nullptr) addend = w.addend_multiplier[o] * addend;
        y = y + addend;
        if (t.second_addend != nullptr) y = y + t.second_addend[pixel * p.channels_out + o];
      }
      if (p.activation == ConvParams::Activation::kAfterAddends) y = Activate(p, w, o, y);
      if (p.float_output) t.float_out[pixel * p.channels_out + o] = y;
      if (p.int8_output) {
        const float rounded = std::round(y);  // half away from zero
        t.int8_out[pixel * p.channels_out + o] = static_cast<int8_t>(
            rounded > -128.0f ? (rounded < 127.0f ? rounded : 127.0f) : -128.0f);
      }
      if (p.out_bits > 0 && w.quantize_multiplier != nullptr) {
        y = w.quantize_multiplier[o] * y;
        y = y + w.quantize_bias[o];
      }
      if (p.out_bits > 0)
        SetCode(packed, p.channels_out, p.out_bits, o, QuantizeValue(y, p.out_bits, p.out_scale));
    }
  }
}

void ReferenceMaxPool(const MaxPoolParams& p, int64_t batch, int64_t height, int64_t width,
                      const int32_t* input, int32_t* output) {
  int64_t pad_top, pad_left;
  const int64_t out_height =
      ConvOutputSize(height, p.filter_height, p.stride_height, 1, p.padding, &pad_top);
  const int64_t out_width =
      ConvOutputSize(width, p.filter_width, p.stride_width, 1, p.padding, &pad_left);
  const int64_t words = PackedWords(p.channels, p.bits);
  for (int64_t pixel = 0; pixel < batch * out_height * out_width; ++pixel) {
    const int64_t n = pixel / (out_height * out_width);
    const int64_t top = pixel / out_width % out_height * p.stride_height - pad_top;
    const int64_t left = pixel % out_width * p.stride_width - pad_left;
    ClearPixel(output + pixel * words, p.channels, p.bits);
    for (int64_t c = 0; c < p.channels; ++c) {
      const bool minimum = p.minimum != nullptr && GetCode(p.minimum, p.channels, 1, c) != 0;
      const int largest = (1 << p.bits) - 1;
      const auto rank = [&](int code) { return (p.bits == 1) != minimum ? largest - code : code; };
      int best = -1;
      for (int64_t y = top; y < top + p.filter_height; ++y) {
        for (int64_t x = left; x < left + p.filter_width; ++x) {
          if (y < 0 || y >= height || x < 0 || x >= width) continue;
          const int code =
              GetCode(input + ((n * height + y) * width + x) * words, p.channels, p.bits, c);
          if (best < 0 || rank(code) > rank(best)) best = code;
        }
      }
      SetCode(output + pixel * words, p.channels, p.bits, c, best);
    }
  }
}

void ReferenceScaleMap(const ScaleMapParams& p, int64_t batch, int64_t height, int64_t width,
                       int64_t channels, const float* input, const float* multiplier,
                       const float* bias, float* output) {
  int64_t pad_top, pad_left;
  const int64_t out_height = ConvOutputSize(height, p.kernel_height, p.stride_height,
                                            p.dilation_height, p.padding, &pad_top);
  const int64_t out_width =
      ConvOutputSize(width, p.kernel_width, p.stride_width, p.dilation_width, p.padding, &pad_left);
  for (int64_t pixel = 0; pixel < batch * out_height * out_width; ++pixel) {
    const int64_t n = pixel / (out_height * out_width);
    float sum = 0;
    for (int64_t ky = 0; ky < p.kernel_height; ++ky) {
      for (int64_t kx = 0; kx < p.kernel_width; ++kx) {
        const int64_t y =
            pixel / out_width % out_height * p.stride_height - pad_top + ky * p.dilation_height;
        const int64_t x = pixel % out_width * p.stride_width - pad_left + kx * p.dilation_width;
        if (y < 0 || y >= height || x < 0 || x >= width) continue;
        float lanes[16] = {};
        for (int64_t c = 0; c < channels; ++c) {
          float value = input[((n * height + y) * width + x) * channels + c];
          if (multiplier != nullptr) value = multiplier[c] * value + bias[c];
          lanes[c % 16] += std::fabs(value);
        }
        for (int other : {8, 4, 2, 1}) {
          for (int i = 0; i < other; ++i) lanes[i] += lanes[i + other];
        }
        sum += lanes[0];
      }
    }
    const double terms = static_cast<double>(channels) * p.kernel_height * p.kernel_width;
    output[pixel] = sum * static_cast<float>(1 / terms);
  }
}

}  // namespace kgn
