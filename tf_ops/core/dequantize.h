#pragma once

#include <cstdint>

#include "core/status.h"
#include "core/thread_pool.h"

namespace kgn {

// KgnDequantize: packed [pixels, bits * ceil(channels / 32)] -> float [pixels, channels]: +-1, or
// code * scale.
struct DequantizeParams {
  int bits = 1;
  int64_t channels = 0;
  float scale = 1;
};

Status CheckDequantize(const DequantizeParams& params);

// `params` must have passed CheckDequantize.
void Dequantize(const DequantizeParams& params, int64_t pixels, const int32_t* input, float* output,
                ThreadPool* pool);

}  // namespace kgn
