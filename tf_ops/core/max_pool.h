#pragma once

#include <cstdint>

#include "core/conv2d.h"
#include "core/status.h"
#include "core/thread_pool.h"

namespace kgn {

// KgnMaxPool2D: packed [N, H, W, bits * ceil(channels / 32)] -> the same kind.
struct MaxPoolParams {
  int bits = 1;
  int64_t channels = 0;
  int filter_height = 1;
  int filter_width = 1;
  int stride_height = 1;
  int stride_width = 1;
  Padding padding = Padding::kSame;
  // [ceil(channels / 32)]: bit c % 32 of word c / 32 is 1 iff channel c takes the minimum; null:
  // none does.
  const int32_t* minimum = nullptr;
};

// Checks everything; the output's size is ConvOutputSize(height, filter_height, stride_height, 1,
// padding, nullptr), likewise the width.
Status CheckMaxPool(const MaxPoolParams& params, int64_t batch, int64_t height, int64_t width);

// Arguments must have passed CheckMaxPool.
void MaxPool(const MaxPoolParams& params, int64_t batch, int64_t height, int64_t width,
             const int32_t* input, int32_t* output, ThreadPool* pool);

}  // namespace kgn
