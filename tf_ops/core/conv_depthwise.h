#pragma once

#include <cstring>

#include "core/kernels.h"

// Depthwise tiles in vectors that the compiler maps to the instruction set of the including file.
namespace kgn {
namespace {

typedef float Floats __attribute__((vector_size(32)));

constexpr int kDepthwiseBlock = 64;
constexpr int kShortTaps = 2048;  // 2048 * 15 fits 16 bits

// Sums of a block of 64 channels of pixel `p`, in 16 bits for some taps at a time. `Shorts` holds
// the 16-bit sums of 16 channels: MultiplyAdd(values, weights) adds products, AddTo(sums) adds them
// to 32-bit sums. Reads 16 values at once, however many exist.
template <typename Shorts>
inline void SumDepthwise(const ConvTile& tile, int p, int32_t* sums) {
  const int16_t* weights = reinterpret_cast<const int16_t*>(tile.weights);
  const char* pixel = tile.pixel[p];
  for (int c = 0; c < kDepthwiseBlock; ++c) sums[c] = 0;
  for (int c = 0; c < tile.out.channels; c += 16) {
    for (int first = 0; first < tile.runs; first += kShortTaps) {
      const int end = tile.runs - first < kShortTaps ? tile.runs : first + kShortTaps;
      Shorts sum;
      for (int r = first; r < end; ++r) {
        sum.MultiplyAdd(reinterpret_cast<const int8_t*>(pixel + tile.run[r] + c),
                        weights + r * kDepthwiseBlock + c);
      }
      sum.AddTo(sums + c);
    }
  }
}

// The same for float activations; reads those that exist.
inline void SumDepthwise(const ConvTile& tile, int p, float* sums) {
  const float* weights = reinterpret_cast<const float*>(tile.weights);
  const char* pixel = tile.pixel[p];
  for (int c = 0; c < tile.out.channels; c += 8) {
    const size_t bytes =
        tile.out.channels - c < 8 ? 4 * static_cast<size_t>(tile.out.channels - c) : sizeof(Floats);
    Floats sum = {};
    for (int r = 0; r < tile.runs; ++r) {
      Floats a = {};
      Floats w;
      if (bytes == sizeof(a)) {
        memcpy(&a, pixel + tile.run[r] + 4 * c, sizeof(a));
      } else {
        memcpy(&a, pixel + tile.run[r] + 4 * c, bytes);
      }
      memcpy(&w, weights + r * kDepthwiseBlock + c, sizeof(w));
      sum += a * w;
    }
    memcpy(sums + c, &sum, sizeof(sum));
  }
}

}  // namespace
}  // namespace kgn
