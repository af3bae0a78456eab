#pragma once

#include <algorithm>
#include <cstdint>

#include "core/bitpack.h"
#include "core/conv2d.h"

// What a family of kernels reads: how a block's weights lie in memory and what the map of
// activations holds (conv_geometry.h). Each layout is one object in a file of its own; kernels.inc
// lists them and says which row reads which.
namespace kgn {

// The weights of one block of output channels, as the op has them.
struct WeightBlock {
  const int32_t* words;  // [channels][taps][ceil(depth / 32)]
  int64_t channels;
  int64_t lanes;  // channels rounded up to ConvKernel::lanes
  int64_t taps;
  int64_t depth;  // input channels of a group
};

// The pixels of a map.
struct MapFormat {
  const ConvParams& params;
  int64_t group_bytes;  // from group to group of a pixel
  int64_t pixel_bytes;  // from pixel to pixel
};

class Layout {
 public:
  struct Traits {
    int step_channels;  // input channels of one step
    int step_bytes;     // what they take in the map
    // One channel in, one channel out, no sum over channels: a block spans as many groups as it has
    // channels.
    bool depthwise;
    // The map may be the op's input itself. Else it is always made, which costs something.
    bool reads_input;
    // A tile's sum is popcount(a xor w), bit plane by bit plane; else the dot product, and the map
    // has one plane.
    bool counts_bits;
  };

  explicit constexpr Layout(const Traits& traits) : traits_(traits) {}

  int step_channels() const { return traits_.step_channels; }
  int step_bytes() const { return traits_.step_bytes; }
  bool depthwise() const { return traits_.depthwise; }
  bool reads_input() const { return traits_.reads_input; }
  bool counts_bits() const { return traits_.counts_bits; }

  // Planes of the map for ConvParams::bits.
  int Planes(int bits) const { return traits_.counts_bits ? bits : 1; }
  // Steps of one tap of `depth` input channels.
  int64_t TapSteps(int64_t depth) const {
    return (depth + traits_.step_channels - 1) / traits_.step_channels;
  }

  // What `steps` steps of a block of `lanes` channels take.
  virtual int64_t WeightBytes(int64_t steps, int64_t lanes) const = 0;
  // Lays a block's weights out; `out` holds zeros.
  virtual void LayOut(const WeightBlock& block, char* out) const = 0;
  // Fills `count` pixels of one plane with ConvParams::pad_value.
  virtual void FillPadding(const MapFormat& map, int64_t count, char* out) const = 0;
  // Makes one plane of `count` pixels out of those of the op's input from `input` on.
  virtual void FillPixels(const MapFormat& map, const char* input, int64_t count, int plane,
                          char* out) const = 0;

 protected:
  ~Layout() = default;

 private:
  const Traits traits_;
};

// Calls put(channel, tap, first, count, word) for each word of a block: the signs of its input
// channels [first, first + count), the other bits 0.
template <typename Put>
void ForEachWord(const WeightBlock& block, const Put& put) {
  const int64_t words = WordsFor(block.depth);
  const int32_t* next = block.words;
  for (int64_t channel = 0; channel < block.channels; ++channel) {
    for (int64_t tap = 0; tap < block.taps; ++tap) {
      for (int64_t first = 0; first < 32 * words; first += 32) {
        const int64_t count = std::min<int64_t>(32, block.depth - first);
        const uint32_t mask = count == 32 ? ~0u : (1u << count) - 1;
        put(channel, tap, first, count, static_cast<uint32_t>(*next++) & mask);
      }
    }
  }
}

}  // namespace kgn
