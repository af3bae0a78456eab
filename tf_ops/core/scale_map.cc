#include "core/scale_map.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/bitpack.h"

namespace kgn {
namespace {

// GCC's and Clang's vectors, on any CPU: the compiler finds no such form of the sums by itself.
using Float4 = float __attribute__((vector_size(16)));
using Bits4 = int32_t __attribute__((vector_size(16)));

// Sixteen sums side by side, in the order of docs/ops.md.
constexpr int kVectors = 4;
constexpr int kLanes = 4 * kVectors;

Float4 Load(const float* from) {
  Float4 vector;
  std::memcpy(&vector, from, sizeof(vector));
  return vector;
}

Float4 Magnitude(Float4 x) {
  return reinterpret_cast<Float4>(reinterpret_cast<Bits4>(x) & 0x7fffffff);
}

struct Identity {
  template <typename T>
  T operator()(T x, int64_t) const {
    return x;
  }
};

struct Affine {
  const float* multiplier;
  const float* bias;
  Float4 operator()(Float4 x, int64_t c) const { return Load(multiplier + c) * x + Load(bias + c); }
  float operator()(float x, int64_t c) const { return multiplier[c] * x + bias[c]; }
};

// sum_c |value(x[c], c)|
template <typename Value>
float SumMagnitudes(const float* x, int64_t channels, const Value& value) {
  Float4 sums[kVectors] = {};
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    for (int i = 0; i < kVectors; ++i) sums[i] += Magnitude(value(Load(x + c + 4 * i), c + 4 * i));
  }
  if (c < channels) {
    float lanes[kLanes];
    std::memcpy(lanes, sums, sizeof(lanes));
    for (int i = 0; c < channels; ++i, ++c) lanes[i] += std::fabs(value(x[c], c));
    std::memcpy(sums, lanes, sizeof(lanes));
  }
  const Float4 four = (sums[0] + sums[2]) + (sums[1] + sums[3]);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

}  // namespace

Status ScaleMap::Reshape(const ScaleMapParams& params, int64_t batch, int64_t height, int64_t width,
                         int64_t channels) {
  const ScaleMapParams& p = params;
  params_ = params;
  batch_ = batch;
  height_ = height;
  width_ = width;
  channels_ = channels;
  out_height_ = ConvOutputSize(height, p.kernel_height, p.stride_height, p.dilation_height,
                               p.padding, &pad_top_);
  out_width_ = ConvOutputSize(width, p.kernel_width, p.stride_width, p.dilation_width, p.padding,
                              &pad_left_);
  if (batch < 1 || channels < 1 || out_height_ <= 0 || out_width_ <= 0) {
    return Status::Error(
        "scale map: expected images with channels, no smaller than the window. Received: "
        "batch=%lld, height=%lld, width=%lld, channels=%lld",
        static_cast<long long>(batch), static_cast<long long>(height),
        static_cast<long long>(width), static_cast<long long>(channels));
  }
  const int64_t window = (out_width_ - 1) * p.stride_width +
                         static_cast<int64_t>(p.kernel_width - 1) * p.dilation_width + 1;
  pitch_ = std::max(window, pad_left_ + width);
  int64_t bytes;
  if (!MultiplyChecked(batch, height, &bytes) || !MultiplyChecked(bytes, 4 * pitch_, &bytes))
    return Status::Error("scale map: the map is too large");
  return sums_.Allocate(bytes);
}

void ScaleMap::SumWindow(int64_t row, float* out) const {
  const ScaleMapParams& p = params_;
  const float* image = sums_.data<float>() + row / out_height_ * height_ * pitch_;
  const int64_t top = row % out_height_ * p.stride_height - pad_top_;
  std::fill_n(out, out_width_, 0.0f);
  for (int64_t ky = 0; ky < p.kernel_height; ++ky) {
    const int64_t y = top + ky * p.dilation_height;
    if (y < 0 || y >= height_) continue;
    for (int64_t kx = 0; kx < p.kernel_width; ++kx) {
      const float* sums = image + y * pitch_ + kx * p.dilation_width;
      if (p.stride_width == 1) {
        for (int64_t x = 0; x < out_width_; ++x) out[x] += sums[x];
      } else {
        for (int64_t x = 0; x < out_width_; ++x) out[x] += sums[x * p.stride_width];
      }
    }
  }
  const double terms = static_cast<double>(channels_) * p.kernel_height * p.kernel_width;
  const float factor = static_cast<float>(1 / terms);
  for (int64_t x = 0; x < out_width_; ++x) out[x] *= factor;
}

void ScaleMap::Run(const float* input, const float* multiplier, const float* bias, float* output,
                   ThreadPool* pool) const {
  auto sum_rows = [&](int64_t first, int64_t end, const auto& value) {
    for (int64_t row = first; row < end; ++row) {
      const float* x = input + row * width_ * channels_;
      float* sums = sums_.data<float>() + row * pitch_ + pad_left_;
      for (int64_t i = 0; i < width_; ++i, x += channels_)
        sums[i] = SumMagnitudes(x, channels_, value);
    }
  };
  pool->ParallelRanges(batch_ * height_, 4 * width_ * channels_, [&](int64_t first, int64_t end) {
    if (multiplier == nullptr) {
      sum_rows(first, end, Identity());
    } else {
      sum_rows(first, end, Affine{multiplier, bias});
    }
  });
  const int64_t taps = static_cast<int64_t>(params_.kernel_height) * params_.kernel_width;
  pool->ParallelRanges(batch_ * out_height_, 4 * out_width_ * taps,
                       [&](int64_t first, int64_t end) {
                         for (int64_t row = first; row < end; ++row)
                           SumWindow(row, output + row * out_width_);
                       });
}

}  // namespace kgn
