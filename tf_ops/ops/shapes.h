// Shapes of packed tensors and of windows that slide over maps. Each function throws OpError where
// a shape is impossible or a size does not fit an int.
#pragma once

#include <string>
#include <vector>

#include "core/conv2d.h"

namespace kgn {

using Shape = std::vector<int>;

// Words of one pixel: bits * ceil(channels / 32); for `bits` = 32 (floats) the channels themselves.
int PixelWords(int channels, int bits);

// Positions of a window of `kernel` taps along the axis called `axis`.
int OutputExtent(const char* axis, int input, int kernel, int stride, int dilation,
                 Padding padding);

// Throws unless a tensor of this shape of 4-byte elements stays below 2^31 bytes.
void CheckSize(const char* tensor, const Shape& shape);

// Throws unless `received` equals `expected`; -1 in `expected` admits any extent >= 0.
void ExpectShape(const char* tensor, const Shape& expected, const Shape& received);

}  // namespace kgn
