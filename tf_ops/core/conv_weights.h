#pragma once

#include <cstdint>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/conv2d.h"
#include "core/kernels.h"

namespace kgn {

// A block of output channels of one group (depthwise: of as many groups): what a tile computes at
// once.
struct ConvBlock {
  int group;  // the first one
  int first_channel;
  int channels;
  int64_t padded_first;    // of the arrays below, which give each block its channels rounded up to
                           // the kernel's lanes
  int64_t weights_offset;  // bytes
};

// The constants of a convolution as a kernel wants them.
struct PreparedWeights {
  std::vector<ConvBlock> blocks;
  int64_t padded_channels = 0;
  AlignedBuffer weights;
  std::vector<float> multiplier, bias, addend_multiplier, quantize_multiplier, quantize_bias, slope,
      offset;
  // The quantizer's once more, without padding, for outputs that are packed after all blocks.
  std::vector<float> pack_multiplier, pack_bias;
  // Of layouts that count bits: [kh * kw][padded_channels], how many weights of the tap are -1.
  std::vector<int32_t> minus_ones;
};

// Of the arrays with an entry for each channel of each tap or case of padding. Channels are rounded
// up to a kernel's lanes in each group, so a small file can ask for large ones.
constexpr int64_t kMaxEntries = int64_t{1} << 25;

// Expects checked parameters.
Status PrepareWeights(const ConvParams& params, const ConvWeights& weights,
                      const ConvKernel& kernel, PreparedWeights* prepared);

}  // namespace kgn
