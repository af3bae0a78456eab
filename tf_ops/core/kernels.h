#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/status.h"

// The interface of the microkernels and the choice among them. kernels.inc is the one table: it
// declares them here and drives the choice (kernels.cc), the tests and the benchmark.
//
// Files of one instruction set must not call inline functions of shared headers or of the standard
// library: the linker keeps one copy of such a function, and it might be the one that only new CPUs
// can run.
namespace kgn {

enum Cpu : uint32_t {
  kCpuAny = 0,
  kCpuPopcnt = 1,  // x86: popcnt
  kCpuAvx2 = 2,    // x86: AVX2 and FMA
  kCpuAvx512 = 4,  // x86: AVX-512 F, BW, VL, DQ, VPOPCNTDQ, VNNI, VBMI, BITALG
  kCpuNeon = 8,    // every ARM64
};

// Features of this machine.
uint32_t CpuFeatures();

// What a convolution tile does after the sum, in the order of docs/ops.md. Pointers are at the
// first channel of the block; those to per-channel constants may be read up to the block's channels
// rounded up to ConvKernel::lanes.
struct TileOutput {
  int channels;  // valid ones of the block
  // v = offsets[pixel] + scale * (sum + correction[pixel][channel]), exact in float32.
  float scale;
  const float* offsets;               // [pixels]
  const int32_t* const* corrections;  // [pixels]; null: none
  bool clamp;
  float clamp_min, clamp_max;
  const float* pixel_scale;  // [pixels]; null: none
  const float* multiplier;
  const float* bias;
  bool relu;
  const float* addend;               // null: none
  const float* addend_multiplier;    // null: none
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

// How a block's weights lie in memory; S steps, channels n rounded up to `lanes`.
enum class WeightLayout {
  kRows,         // words [n][S], a step is 32 input channels
  kInterleaved,  // words [S][n], a step is 32 input channels
  kSignBits,     // words [S][ceil(n / 32)], a step is one input channel
  // The tile reads tables instead of values: signed bytes, entry i holds the sum of a few input
  // channels' values, those with bit j of i set taken negative. Weights are indices into them.
  kTables16,  // a step is one table of 16 entries: bytes [S][n]
  kTables64,  // a step is 4 such tables: bytes [S][n][4]; bits 4, 5 of an index: which table
  // One channel in, one channel out (kernels that sum over no channels): a step is one value a
  // channel.
  kDepthwise,       // the tile reads bytes; int16 [S][n]
  kDepthwiseFloat,  // float [S][n]
};

// Input channels of one step, and what they take in the map that the tile reads.
int StepChannels(WeightLayout layout);
int StepBytes(WeightLayout layout);

inline bool IsDepthwise(WeightLayout layout) {
  return layout == WeightLayout::kDepthwise || layout == WeightLayout::kDepthwiseFloat;
}

// Makes the tables of some pixels.
struct ExpandArgs {
  const uint32_t* words;
  int64_t pixels;
  ptrdiff_t pixel_stride;  // words
  ptrdiff_t plane_stride;  // words
  int bits;
  int64_t channels;
  char* tables;  // as many as the layout takes for the channels; those of channels that do not
                 // exist hold 0 for them
  ptrdiff_t table_stride;  // bytes from pixel to pixel
};

struct ConvKernel {
  const char* name;
  uint32_t cpu;
  int bits;        // which ConvParams::bits it takes, or-ed
  int best_bits;   // for which of them it is the best choice, other rows being for comparison or
                   // special shapes
  int max_pixels;  // of a tile
  int lanes;
  int max_block;  // output channels of a tile, a multiple of 32
  WeightLayout layout;
  void (*tile)(const ConvTile& tile);
  void (*expand)(const ExpandArgs& args);  // of the kTables layouts
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

void expand_tables16(const ExpandArgs& args);
void expand_tables_avx512(const ExpandArgs& args);
void expand_bytes(const ExpandArgs& args);  // of kDepthwise

#define KGN_CONV_KERNEL(name, ...) void name(const ConvTile& tile);
#define KGN_QUANTIZE_KERNEL(name, cpu) void name(const QuantizeArgs& args);
#include "core/kernels.inc"
#undef KGN_CONV_KERNEL
#undef KGN_QUANTIZE_KERNEL

// All rows compiled into this library, best first.
const ConvKernel* ConvKernels(int* count);
const QuantizeKernel* QuantizeKernels(int* count);

// Whether `name` is "", an instruction set's name or a row's, and this machine can run it; an error
// says which names there are.
Status CheckKernelName(const std::string& name);

// The best row that this machine runs for `bits`, among those that `name` allows. A row's name
// rules only its own kind of kernel and what it takes; other choices are as if its instruction set
// were named. Never null: there is a scalar row for everything. `uses`: how many products each
// input value is part of; 0 if weights come from memory, where indices into tables take twice the
// bytes. `depthwise`: groups, channels_in and channels_out are equal, and more than 1.
const ConvKernel* ChooseConvKernel(int bits, int64_t uses, bool depthwise, const std::string& name);
const QuantizeKernel* ChooseQuantizeKernel(const std::string& name);

}  // namespace kgn
