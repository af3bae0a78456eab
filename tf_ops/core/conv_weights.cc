#include "core/conv_weights.h"

#include <algorithm>

#include "core/bitpack.h"

namespace kgn {
namespace {

int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

int64_t BlockBytes(const ConvKernel& kernel, int64_t steps, int64_t channels) {
  switch (kernel.layout) {
    case WeightLayout::kSignBits:
      return 4 * steps * WordsFor(channels);
    case WeightLayout::kTables16:
      return steps * RoundUp(channels, kernel.lanes);
    case WeightLayout::kDepthwise:
      return 2 * steps * RoundUp(channels, kernel.lanes);
    default:
      return 4 * steps * RoundUp(channels, kernel.lanes);
  }
}

// One block's weights.
void LayOut(const ConvParams& p, const ConvKernel& kernel, const ConvBlock& block,
            const int32_t* weights, char* out) {
  const int64_t per_group = p.channels_in / p.groups;
  const int64_t words = WordsFor(per_group);
  const int64_t taps = static_cast<int64_t>(p.kernel_height) * p.kernel_width;
  const int64_t lanes = RoundUp(block.channels, kernel.lanes);
  const int64_t tap_steps = TapSteps(p, kernel);
  uint32_t* out_words = reinterpret_cast<uint32_t*>(out);
  if (kernel.layout == WeightLayout::kTables64) {
    // Tables of channels that do not exist hold zeros; their indices must not lead into others.
    for (int64_t i = 0; i < 4 * taps * tap_steps * lanes; ++i)
      out[i] = static_cast<char>(i % 4 << 4);
  }
  for (int64_t o = 0; o < block.channels; ++o) {
    const int32_t* row = weights + (block.first_channel + o) * taps * words;
    for (int64_t k = 0; k < taps * words; ++k) {
      const int64_t tap = k / words;
      const int64_t first = k % words * 32;
      const int64_t bits = std::min<int64_t>(32, per_group - first);
      const uint32_t word = static_cast<uint32_t>(row[k]) & (bits == 32 ? ~0u : (1u << bits) - 1);
      switch (kernel.layout) {
        case WeightLayout::kRows:
          out_words[o * taps * words + k] = word;
          break;
        case WeightLayout::kInterleaved:
          out_words[k * lanes + o] = word;
          break;
        case WeightLayout::kSignBits:
          for (int64_t i = 0; i < bits; ++i) {
            out_words[(tap * tap_steps + first + i) * WordsFor(block.channels) + o / 32] |=
                (word >> i & 1u) << (o % 32);
          }
          break;
        case WeightLayout::kDepthwise:
          reinterpret_cast<int16_t*>(out)[tap * lanes + o] = (word & 1u) != 0 ? -1 : 1;
          break;
        case WeightLayout::kDepthwiseFloat:
          reinterpret_cast<float*>(out)[tap * lanes + o] = (word & 1u) != 0 ? -1.0f : 1.0f;
          break;
        case WeightLayout::kTables16:
          for (int64_t i = 0; i < bits; i += 4) {
            out[(tap * tap_steps + (first + i) / 4) * lanes + o] =
                static_cast<char>(word >> i & 15u);
          }
          break;
        case WeightLayout::kTables64:
          for (int64_t i = 0; i < bits; i += 4) {
            const int64_t table = (first + i) / 4;
            out[((tap * tap_steps + table / 4) * lanes + o) * 4 + table % 4] =
                static_cast<char>((word >> i & 15u) | table % 4 << 4);
          }
          break;
      }
    }
  }
}

}  // namespace

int64_t TapSteps(const ConvParams& params, const ConvKernel& kernel) {
  const int64_t channels = StepChannels(kernel.layout);
  return (params.channels_in / params.groups + channels - 1) / channels;
}

Status PrepareWeights(const ConvParams& p, const ConvWeights& w, const ConvKernel& kernel,
                      PreparedWeights* prepared) {
  const int64_t taps = static_cast<int64_t>(p.kernel_height) * p.kernel_width;
  const int64_t steps = taps * TapSteps(p, kernel);
  // A depthwise block spans many groups of one channel each.
  const bool depthwise = IsDepthwise(kernel.layout);
  const int groups = depthwise ? 1 : p.groups;
  const int per_group = p.channels_out / groups;
  int64_t padded = 0;
  int64_t bytes = 0;
  prepared->blocks.clear();
  for (int group = 0; group < groups; ++group) {
    for (int first = 0; first < per_group; first += kernel.max_block) {
      const int channels = std::min(kernel.max_block, per_group - first);
      prepared->blocks.push_back(
          {depthwise ? first : group, group * per_group + first, channels, padded, bytes});
      padded += RoundUp(channels, kernel.lanes);
      bytes += BlockBytes(kernel, steps, channels);
    }
  }
  prepared->padded_channels = padded;
  KGN_RETURN_IF_ERROR(prepared->weights.Allocate(bytes));
  prepared->multiplier.assign(padded, 0.0f);
  prepared->bias.assign(padded, 0.0f);
  prepared->addend_multiplier.assign(w.addend_multiplier != nullptr ? padded : 0, 0.0f);
  prepared->quantize_multiplier.assign(w.quantize_multiplier != nullptr ? padded : 0, 0.0f);
  prepared->quantize_bias.assign(w.quantize_multiplier != nullptr ? padded : 0, 0.0f);
  if (w.quantize_multiplier != nullptr) {
    prepared->pack_multiplier.assign(w.quantize_multiplier, w.quantize_multiplier + p.channels_out);
    prepared->pack_bias.assign(w.quantize_bias, w.quantize_bias + p.channels_out);
  }
  prepared->minus_ones.assign(p.bits == 32 ? 0 : taps * padded, 0);

  const int64_t words = WordsFor(p.channels_in / p.groups);
  for (const ConvBlock& block : prepared->blocks) {
    LayOut(p, kernel, block, w.weights, prepared->weights.data<char>() + block.weights_offset);
    for (int c = 0; c < block.channels; ++c) {
      const int o = block.first_channel + c;
      prepared->multiplier[block.padded_first + c] = w.multiplier[o];
      prepared->bias[block.padded_first + c] = w.bias[o];
      if (w.addend_multiplier != nullptr)
        prepared->addend_multiplier[block.padded_first + c] = w.addend_multiplier[o];
      if (w.quantize_multiplier != nullptr) {
        prepared->quantize_multiplier[block.padded_first + c] = w.quantize_multiplier[o];
        prepared->quantize_bias[block.padded_first + c] = w.quantize_bias[o];
      }
      if (p.bits == 32) continue;
      for (int64_t k = 0; k < taps * words; ++k) {
        prepared->minus_ones[k / words * padded + block.padded_first + c] +=
            __builtin_popcount(static_cast<uint32_t>(w.weights[o * taps * words + k]));
      }
    }
  }
  return Status::Ok();
}

}  // namespace kgn
