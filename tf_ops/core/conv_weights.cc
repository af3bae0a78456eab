#include "core/conv_weights.h"

#include <algorithm>

#include "core/bitpack.h"
#include "core/layout.h"

namespace kgn {
namespace {

int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Cuts the output channels into blocks; returns the bytes of their weights.
int64_t CutBlocks(const ConvParams& p, const ConvKernel& kernel, PreparedWeights* prepared) {
  const Layout& layout = kernel.layout();
  const int64_t taps = static_cast<int64_t>(p.kernel_height) * p.kernel_width;
  const int64_t steps = taps * layout.TapSteps(p.channels_in / p.groups);
  const int groups = layout.depthwise() ? 1 : p.groups;
  const int per_group = p.channels_out / groups;
  int64_t padded = 0;
  int64_t bytes = 0;
  prepared->blocks.clear();
  for (int group = 0; group < groups; ++group) {
    for (int first = 0; first < per_group; first += kernel.max_block) {
      const int channels = std::min(kernel.max_block, per_group - first);
      const int first_group = layout.depthwise() ? first : group;
      prepared->blocks.push_back({first_group, group * per_group + first, channels, padded, bytes});
      const int64_t lanes = RoundUp(channels, kernel.lanes);
      padded += lanes;
      bytes += layout.WeightBytes(steps, lanes);
    }
  }
  prepared->padded_channels = padded;
  return bytes;
}

// A copy of `values` [channels_out] that gives each block its padded channels; empty for null.
std::vector<float> Padded(const float* values, const PreparedWeights& prepared) {
  if (values == nullptr) return {};
  std::vector<float> padded(prepared.padded_channels, 0.0f);
  for (const ConvBlock& block : prepared.blocks)
    std::copy_n(values + block.first_channel, block.channels, padded.begin() + block.padded_first);
  return padded;
}

std::vector<int32_t> CountMinusOnes(const ConvParams& p, const int32_t* weights,
                                    const PreparedWeights& prepared) {
  const int64_t taps = static_cast<int64_t>(p.kernel_height) * p.kernel_width;
  const int64_t words = WordsFor(p.channels_in / p.groups);
  std::vector<int32_t> counts(taps * prepared.padded_channels, 0);
  for (const ConvBlock& block : prepared.blocks) {
    for (int c = 0; c < block.channels; ++c) {
      const int32_t* row = weights + (block.first_channel + c) * taps * words;
      for (int64_t k = 0; k < taps * words; ++k) {
        counts[k / words * prepared.padded_channels + block.padded_first + c] +=
            __builtin_popcount(static_cast<uint32_t>(row[k]));
      }
    }
  }
  return counts;
}

}  // namespace

Status PrepareWeights(const ConvParams& p, const ConvWeights& w, const ConvKernel& kernel,
                      PreparedWeights* prepared) {
  KGN_RETURN_IF_ERROR(prepared->weights.Allocate(CutBlocks(p, kernel, prepared)));
  const int64_t taps = static_cast<int64_t>(p.kernel_height) * p.kernel_width;
  const int64_t depth = p.channels_in / p.groups;
  for (const ConvBlock& block : prepared->blocks) {
    kernel.layout().LayOut({w.weights + block.first_channel * taps * WordsFor(depth),
                            block.channels, RoundUp(block.channels, kernel.lanes), taps, depth},
                           prepared->weights.data<char>() + block.weights_offset);
  }
  prepared->multiplier = Padded(w.multiplier, *prepared);
  prepared->bias = Padded(w.bias, *prepared);
  prepared->addend_multiplier = Padded(w.addend_multiplier, *prepared);
  prepared->quantize_multiplier = Padded(w.quantize_multiplier, *prepared);
  prepared->quantize_bias = Padded(w.quantize_bias, *prepared);
  prepared->slope = Padded(w.slope, *prepared);
  prepared->offset = Padded(w.offset, *prepared);
  prepared->pack_multiplier.clear();
  prepared->pack_bias.clear();
  if (w.quantize_multiplier != nullptr) {
    prepared->pack_multiplier.assign(w.quantize_multiplier, w.quantize_multiplier + p.channels_out);
    prepared->pack_bias.assign(w.quantize_bias, w.quantize_bias + p.channels_out);
  }
  prepared->minus_ones.clear();
  if (kernel.layout().counts_bits()) prepared->minus_ones = CountMinusOnes(p, w.weights, *prepared);
  return Status::Ok();
}

}  // namespace kgn
