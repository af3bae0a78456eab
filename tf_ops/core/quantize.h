#pragma once

#include <cstdint>
#include <string>

#include "core/status.h"
#include "core/thread_pool.h"

namespace kgn {

// KgnQuantize: float [pixels, channels] -> packed [pixels, bits * ceil(channels / 32)] of
// quantize(multiplier * x + bias).
struct QuantizeParams {
  int bits = 1;  // 1, 2, 4
  int64_t channels = 0;
  float scale = 1;                    // (2^bits - 1) / beta
  const float* multiplier = nullptr;  // [channels], both or none
  const float* bias = nullptr;
};

Status CheckQuantize(const QuantizeParams& params, const std::string& kernel = "");

// `params` must have passed CheckQuantize with the same `kernel`.
void Quantize(const QuantizeParams& params, int64_t pixels, const float* input, int32_t* output,
              ThreadPool* pool, const std::string& kernel = "");

}  // namespace kgn
