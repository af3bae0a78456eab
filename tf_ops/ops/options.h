// The options of the ops, as docs/ops.md lists them. Parsing checks every rule that needs no shape;
// it throws OpError naming the option, what was expected and what was received.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/conv2d.h"
#include "core/scale_map.h"

namespace kgn {

// The newest versions that this library runs: of KgnConv2D and KgnDense, of KgnMaxPool2D, and of
// the other ops.
constexpr int kMatmulVersion = 3;
constexpr int kMaxPoolVersion = 2;
constexpr int kOpsVersion = 1;

struct QuantizeOptions {
  int bits;
  float scale;
};

struct DequantizeOptions {
  int bits;
  int channels;
  float scale;
};

// What KgnConv2D and KgnDense share: their input and their epilogue.
struct MatmulOptions {
  int version;
  int bits;
  int channels_in;
  bool pre_activation;
  ConvParams::Activation activation;
  float activation_min, activation_max;
  bool float_output;
  int out_bits;  // 0: no packed output
  float out_scale;
};

struct Conv2DOptions : MatmulOptions {
  int groups;
  int stride_height, stride_width;
  int dilation_height, dilation_width;
  Padding padding;
  int pad_value;
  bool compressed;  // the weights, by Huffman's code
};

struct MaxPool2DOptions {
  int version;
  int bits;
  int channels;
  int filter_height, filter_width;
  int stride_height, stride_width;
  Padding padding;
};

// Each reads the FlexBuffer `data`.
QuantizeOptions ParseQuantizeOptions(const uint8_t* data, size_t size);
DequantizeOptions ParseDequantizeOptions(const uint8_t* data, size_t size);
Conv2DOptions ParseConv2DOptions(const uint8_t* data, size_t size);
MatmulOptions ParseDenseOptions(const uint8_t* data, size_t size);
MaxPool2DOptions ParseMaxPool2DOptions(const uint8_t* data, size_t size);
ScaleMapParams ParseScaleMapOptions(const uint8_t* data, size_t size);

}  // namespace kgn
