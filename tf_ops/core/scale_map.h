#pragma once

#include <cstdint>

#include "core/aligned_buffer.h"
#include "core/conv2d.h"
#include "core/status.h"
#include "core/thread_pool.h"

namespace kgn {

// KgnScaleMap: float [N, H, W, C] -> float [N, OH, OW, 1], the mean of |multiplier * x + bias| over
// the channels, then over the window of a convolution.
struct ScaleMapParams {
  int kernel_height = 1;
  int kernel_width = 1;
  int stride_height = 1;
  int stride_width = 1;
  int dilation_height = 1;
  int dilation_width = 1;
  Padding padding = Padding::kSame;
};

// Reshape when the input's shape changes, Run as often as wanted (allocates nothing). One Run at a
// time.
class ScaleMap {
 public:
  Status Reshape(const ScaleMapParams& params, int64_t batch, int64_t height, int64_t width,
                 int64_t channels);
  int64_t output_height() const { return out_height_; }
  int64_t output_width() const { return out_width_; }
  // `multiplier` and `bias` [channels]: both or none.
  void Run(const float* input, const float* multiplier, const float* bias, float* output,
           ThreadPool* pool) const;

 private:
  void SumWindow(int64_t row, float* out) const;

  ScaleMapParams params_;
  int64_t batch_ = 0, height_ = 0, width_ = 0, channels_ = 0;
  int64_t out_height_ = 0, out_width_ = 0;
  int64_t pad_top_ = 0, pad_left_ = 0;
  int64_t pitch_ = 0;   // floats from row to row of the sums
  AlignedBuffer sums_;  // [N, H, pitch]: sum_c |x|, zeros left and right of it
};

}  // namespace kgn
