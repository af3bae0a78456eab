#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/conv2d.h"
#include "core/status.h"

// The interface of the microkernels and the choice among them. kernels.inc is the one table: it
// declares them here and drives the choice (kernels.cc), the tests and the benchmark.
//
// Files of one instruction set must not call inline functions of shared headers or of the standard
// library: the linker keeps one copy of such a function, and it might be the one that only new CPUs
// can run.
namespace kgn {

class Layout;  // layout.h

enum Cpu : uint32_t {
  kCpuAny = 0,
  kCpuPopcnt = 1,  // x86: popcnt
  kCpuAvx2 = 2,    // x86: AVX2 and FMA
  kCpuAvx512 = 4,  // x86: AVX-512 F, BW, VL, DQ, VPOPCNTDQ, VNNI, VBMI, BITALG
  kCpuNeon = 8,    // every ARM64
};

// Features of this machine.
uint32_t CpuFeatures();

// The general activation: y -> clamp(y < 0 ? slope * y : y) + offset.
struct TileActivation {
  const float* slope;  // null: 1
  bool clamp;
  float min, max;
  const float* offset;  // null: 0
};

// What a convolution tile does after the sum, in the order of docs/ops.md. Pointers are at the
// first channel of the block; those to per-channel constants may be read up to the block's channels
// rounded up to ConvKernel::lanes.
struct TileOutput {
  int channels;  // valid ones of the block
  // v = offsets[pixel] + scale * (sum + correction[pixel][channel]), exact in float32.
  float scale;
  const float* offsets;               // [pixels]
  const int32_t* const* corrections;  // [pixels]; null: none
  // Whether any of the next three is there: most convolutions have none, and ask once.
  bool changes_sum;
  bool clamp;
  float clamp_min, clamp_max;
  const float* pixel_scale;  // [pixels]; null: none
  // [pixels], each at the first channel of the block, only valid ones; null: none. Not with
  // pixel_scale.
  const float* const* channel_scales;
  const float* multiplier;
  const float* bias;
  ConvParams::Activation activation;  // kAfterAddends only with an addend
  TileActivation general;
  const float* addend;             // null: none
  const float* addend_multiplier;  // null: none
  // Whether anything follows the addend: the second one, or an activation behind them.
  bool changes_addend;
  const float* second_addend;        // null: none; only with addend
  const float* quantize_multiplier;  // null: none, then quantize_bias is null, too
  const float* quantize_bias;
  float* float_out;         // null: none
  ptrdiff_t pixel_stride;   // floats from pixel to pixel of addend and float_out
  uint32_t* packed_out;     // null: none; the block starts at a whole word
  ptrdiff_t packed_stride;  // words from pixel to pixel
  ptrdiff_t plane_stride;   // words from plane to plane of a pixel
  int out_bits;
  float out_scale;
};

// One tile: some pixels times one block of output channels. A pixel's taps are runs of steps that
// lie one behind the other; a run starts at pixels[p] + runs[r] (+ m * plane_bytes for plane m).
struct ConvTile {
  int bits;  // ConvParams::bits
  int pixels;
  const char* const* pixel;
  int runs;
  const ptrdiff_t* run;  // bytes
  int run_steps;
  int planes;
  ptrdiff_t plane_bytes;
  const char* weights;
  TileOutput out;
};

// A row of the table. The table names its properties by the functions of the same names.
struct ConvKernel {
  const char* name;
  void (*tile)(const ConvTile& tile);
  uint32_t cpu = kCpuAny;
  int bits = 0;          // which ConvParams::bits it takes, or-ed
  int best_bits = 0;     // for which of them it is ever chosen unless by name: all that it takes,
                         // unless BestFor says less
  int64_t min_uses = 0;  // ... and from how many products on that each bit of input is part of
  int max_pixels = 0;    // of a tile
  int lanes = 0;
  int max_block = 0;  // output channels of a tile, a multiple of 32
  const Layout& (*layout)() = nullptr;

  constexpr ConvKernel(const char* its_name, void (*its_tile)(const ConvTile& tile))
      : name(its_name), tile(its_tile) {}
  constexpr ConvKernel& Needs(uint32_t value) { return cpu = value, *this; }
  constexpr ConvKernel& Takes(int value) { return bits = best_bits = value, *this; }
  constexpr ConvKernel& BestFor(int value) { return best_bits = value, *this; }
  constexpr ConvKernel& MinUses(int64_t value) { return min_uses = value, *this; }
  constexpr ConvKernel& MaxPixels(int value) { return max_pixels = value, *this; }
  constexpr ConvKernel& Lanes(int value) { return lanes = value, *this; }
  constexpr ConvKernel& MaxBlock(int value) { return max_block = value, *this; }
  constexpr ConvKernel& Reads(const Layout& (*value)()) { return layout = value, *this; }
};

struct QuantizeArgs {
  int64_t pixels;
  int64_t channels;
  int bits;
  float scale;
  const float* multiplier;  // [channels]; null: none, then bias is null, too
  const float* bias;
  const float* input;
  uint32_t* output;
};

struct QuantizeKernel {
  const char* name;
  uint32_t cpu;
  void (*quantize)(const QuantizeArgs& args);
};

#define KGN_LAYOUT(name) const Layout& name();
#define KGN_CONV_KERNEL(name, ...) void name(const ConvTile& tile);
#define KGN_QUANTIZE_KERNEL(name, cpu) void name(const QuantizeArgs& args);
#include "core/kernels.inc"
#undef KGN_LAYOUT
#undef KGN_CONV_KERNEL
#undef KGN_QUANTIZE_KERNEL

// All rows compiled into this library, in the order of preference.
const ConvKernel* ConvKernels(int* count);
const QuantizeKernel* QuantizeKernels(int* count);

// Whether `name` is "", an instruction set's name or a row's, and this machine can run it; an error
// says which names there are.
Status CheckKernelName(const std::string& name);

// The first row that this machine runs and that is best for `bits`, among those that `name` allows.
// A row's name rules only its own kind of kernel and what it takes; other choices are as if its
// instruction set were named. Never null: there is a scalar row for everything. `uses`: how many
// products each input value is part of; 0 if weights come from memory, where indices into tables
// take twice the bytes. `depthwise`: groups, channels_in and channels_out are equal, and more than
// 1.
const ConvKernel* ChooseConvKernel(int bits, int64_t uses, bool depthwise, const std::string& name);
const QuantizeKernel* ChooseQuantizeKernel(const std::string& name);

}  // namespace kgn
