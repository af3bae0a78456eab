#pragma once

#include <cstdint>

#include "core/conv2d.h"
#include "core/dequantize.h"
#include "core/max_pool.h"
#include "core/quantize.h"
#include "core/scale_map.h"

// docs/ops.md restated one value at a time. Slow; every kernel is tested against it, bit for bit.
namespace kgn {

void ReferenceQuantize(const QuantizeParams& params, int64_t pixels, const float* input,
                       int32_t* output);
void ReferenceDequantize(const DequantizeParams& params, int64_t pixels, const int32_t* input,
                         float* output);
void ReferenceConv2D(const ConvParams& params, const ConvWeights& weights, int64_t batch,
                     int64_t height, int64_t width, const ConvTensors& tensors);
void ReferenceMaxPool(const MaxPoolParams& params, int64_t batch, int64_t height, int64_t width,
                      const int32_t* input, int32_t* output);
void ReferenceScaleMap(const ScaleMapParams& params, int64_t batch, int64_t height, int64_t width,
                       int64_t channels, const float* input, const float* multiplier,
                       const float* bias, float* output);

}  // namespace kgn
