#include "core/conv2d.h"

#include <algorithm>
#include <limits>
#include <new>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/bitpack.h"
#include "core/conv_geometry.h"
#include "core/conv_weights.h"
#include "core/kernels.h"
#include "core/layout.h"
#include "core/padding_patterns.h"
#include "core/round_int8.h"

namespace kgn {
namespace {

constexpr int kMaxPixels = 16;  // of any kernel's tile
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// More weights than this are read from memory if they are used for few pixels.
constexpr int64_t kMaxCachedWeights = int64_t{1} << 22;

// ChooseConvKernel's `uses`.
int64_t Uses(const ConvParams& p) {
  const int64_t taps = static_cast<int64_t>(p.kernel_height) * p.kernel_width;
  const int64_t outputs = p.channels_out / p.groups;
  if (taps == 1 && p.channels_in * outputs > kMaxCachedWeights) return 0;
  return outputs * taps / (static_cast<int64_t>(p.stride_height) * p.stride_width);
}

Status Check(const ConvParams& p, const ConvWeights& w) {
  const auto in_range = [](int value) { return value >= 1 && value <= (1 << 20); };
  if (p.bits != 1 && p.bits != 2 && p.bits != 4 && p.bits != 32) {
    return Status::Error("conv: bits must be 1, 2, 4 or 32. Received: bits=%d", p.bits);
  }
  if (p.out_bits != 0 && p.out_bits != 1 && p.out_bits != 2 && p.out_bits != 4) {
    return Status::Error("conv: out_bits must be 0, 1, 2 or 4. Received: out_bits=%d", p.out_bits);
  }
  if (!in_range(p.channels_in) || !in_range(p.channels_out) || !in_range(p.groups) ||
      p.channels_in % p.groups != 0 || p.channels_out % p.groups != 0) {
    return Status::Error(
        "conv: groups must divide channels_in and channels_out. Received: groups=%d, "
        "channels_in=%d, channels_out=%d",
        p.groups, p.channels_in, p.channels_out);
  }
  if (!in_range(p.kernel_height) || !in_range(p.kernel_width) || !in_range(p.stride_height) ||
      !in_range(p.stride_width) || !in_range(p.dilation_height) || !in_range(p.dilation_width)) {
    return Status::Error(
        "conv: kernel, stride and dilation must be 1 to %d. Received: kernel=%dx%d, stride=%dx%d, "
        "dilation=%dx%d",
        1 << 20, p.kernel_height, p.kernel_width, p.stride_height, p.stride_width,
        p.dilation_height, p.dilation_width);
  }
  if (p.pad_value < -1 || p.pad_value > 1 || (p.pad_value != 0 && (p.bits == 2 || p.bits == 4))) {
    return Status::Error(
        "conv: pad_value must be -1, 0 or 1, and 0 for 2 and 4 bits. Received: pad_value=%d, "
        "bits=%d",
        p.pad_value, p.bits);
  }
  if (p.sum == ConvParams::Sum::kPopcount && p.bits != 1)
    return Status::Error("conv: a popcount sum needs bits=1. Received: bits=%d", p.bits);
  if (p.int8_output ? p.float_output || p.out_bits > 0 : !p.float_output && p.out_bits == 0) {
    return Status::Error(
        "conv: expected float_output or out_bits or both, or int8_output alone. Received: "
        "float_output=%d, out_bits=%d, int8_output=%d",
        p.float_output, p.out_bits, p.int8_output);
  }
  if (!(p.out_scale > 0))
    return Status::Error("conv: out_scale must be > 0. Received: out_scale=%g",
                         static_cast<double>(p.out_scale));
  if (!(p.activation_min <= p.activation_max)) {
    return Status::Error(
        "conv: activation_min must not be above activation_max. Received: activation_min=%g, "
        "activation_max=%g",
        static_cast<double>(p.activation_min), static_cast<double>(p.activation_max));
  }
  // Sums must be exact in float32.
  int64_t taps = static_cast<int64_t>(p.kernel_height) * p.kernel_width;
  const int64_t largest = p.bits == 2 ? 3 : p.bits == 4 ? 15 : 1;
  if (!MultiplyChecked(taps, p.channels_in / p.groups * largest, &taps) || taps >= (1 << 24)) {
    return Status::Error(
        "conv: more than 2^24 / (2^bits - 1) products a sum. Received: kernel=%dx%d, "
        "channels_in=%d, groups=%d",
        p.kernel_height, p.kernel_width, p.channels_in, p.groups);
  }
  if (w.weights == nullptr || w.multiplier == nullptr || w.bias == nullptr)
    return Status::Error("conv: expected weights, multiplier and bias");
  return Status::Ok();
}

}  // namespace

struct Conv2D::Impl {
  ConvParams params;
  const ConvKernel* kernel = nullptr;
  const QuantizeKernel* quantize = nullptr;
  PreparedWeights weights;
  ConvGeometry geometry;
  int64_t out_height = 0, out_width = 0;
  AlignedBuffer scratch;  // one slice a thread: the map, then the band's float outputs if only the
                          // next step needs them
  int64_t slice_bytes = 0;
  // Groups that end inside a word cannot write packed words on their own: the band's float outputs
  // are packed when all are there.
  bool pack_after = false;
  bool finish_after() const { return pack_after || params.int8_output; }

  PaddingPatterns patterns;

  // The pixels of one tile, which the tile points to.
  struct TilePixels {
    const char* start[kMaxPixels];
    float offsets[kMaxPixels];
    const int32_t* corrections[kMaxPixels];
    float scales[kMaxPixels];
    const float* channel_scales[kMaxPixels];
  };

  void RunTask(const ConvTensors& tensors, int64_t task, int thread) const;
  void RunBlock(const ConvTensors& tensors, const ConvBlock& block, const char* map,
                ptrdiff_t plane_bytes, int64_t first_pixel, int64_t rows, float* float_out) const;
  ConvTile TileOfBlock(const ConvBlock& block, ptrdiff_t plane_bytes, TilePixels* pixels) const;
  void SetTensors(const ConvTensors& tensors, const ConvBlock& block, int64_t pixel,
                  TilePixels* pixels, ConvTile* tile) const;
};

// What all tiles of a block have in common.
ConvTile Conv2D::Impl::TileOfBlock(const ConvBlock& block, ptrdiff_t plane_bytes,
                                   TilePixels* pixels) const {
  const ConvParams& p = params;
  ConvTile tile;
  tile.pixel = pixels->start;
  tile.runs = static_cast<int>(geometry.runs.size());
  tile.run = geometry.runs.data();
  tile.run_steps = geometry.run_steps;
  tile.bits = p.bits;
  tile.planes = kernel->layout().Planes(p.bits);
  tile.plane_bytes = plane_bytes;
  tile.weights = weights.weights.data<char>() + block.weights_offset;
  TileOutput& out = tile.out;
  out.channels = block.channels;
  out.scale = patterns.scale;
  out.offsets = pixels->offsets;
  out.clamp = p.clamp;
  out.clamp_min = p.clamp_min;
  out.clamp_max = p.clamp_max;
  out.multiplier = weights.multiplier.data() + block.padded_first;
  out.bias = weights.bias.data() + block.padded_first;
  const auto of_block = [&block](const std::vector<float>& values) {
    return values.empty() ? nullptr : values.data() + block.padded_first;
  };
  out.general = {of_block(weights.slope),
                 p.activation_min > -kInfinity || p.activation_max < kInfinity, p.activation_min,
                 p.activation_max, of_block(weights.offset)};
  out.addend_multiplier = of_block(weights.addend_multiplier);
  out.quantize_multiplier = of_block(weights.quantize_multiplier);
  out.quantize_bias = of_block(weights.quantize_bias);
  out.pixel_stride = p.channels_out;
  out.packed_stride = PackedWords(p.channels_out, p.out_bits);
  out.plane_stride = WordsFor(p.channels_out);
  out.out_bits = p.out_bits;
  out.out_scale = p.out_scale;
  return tile;
}

// Points the tile that starts at output pixel `pixel` at what it reads and writes of the tensors.
void Conv2D::Impl::SetTensors(const ConvTensors& t, const ConvBlock& block, int64_t pixel,
                              TilePixels* pixels, ConvTile* tile) const {
  TileOutput& out = tile->out;
  out.pixel_scale = nullptr;
  out.channel_scales = nullptr;
  if (t.pixel_scale_kind == PixelScale::kPerPixel) {
    out.pixel_scale = t.pixel_scale + pixel;
  } else if (t.pixel_scale_kind == PixelScale::kPerImage) {
    for (int q = 0; q < tile->pixels; ++q)
      pixels->scales[q] = t.pixel_scale[(pixel + q) / geometry.pixels_per_image];
    out.pixel_scale = pixels->scales;
  } else if (t.pixel_scale_kind == PixelScale::kPerChannel) {
    for (int q = 0; q < tile->pixels; ++q) {
      pixels->channel_scales[q] = t.pixel_scale +
                                  (pixel + q) / geometry.pixels_per_image * params.channels_out +
                                  block.first_channel;
    }
    out.channel_scales = pixels->channel_scales;
  }
  using Activation = ConvParams::Activation;
  out.activation = params.activation == Activation::kAfterAddends && t.addend == nullptr
                       ? Activation::kBeforeAddends
                       : params.activation;
  out.changes_sum = params.clamp || out.pixel_scale != nullptr || out.channel_scales != nullptr;
  const int64_t at = pixel * params.channels_out + block.first_channel;
  out.addend = t.addend == nullptr ? nullptr : t.addend + at;
  out.second_addend = t.second_addend == nullptr ? nullptr : t.second_addend + at;
  out.changes_addend = out.second_addend != nullptr || out.activation == Activation::kAfterAddends;
  out.packed_out = pack_after || params.out_bits == 0
                       ? nullptr
                       : reinterpret_cast<uint32_t*>(t.packed_out) + pixel * out.packed_stride +
                             block.first_channel / 32;
}

void Conv2D::Impl::RunBlock(const ConvTensors& t, const ConvBlock& block, const char* map,
                            ptrdiff_t plane_bytes, int64_t first_pixel, int64_t rows,
                            float* float_out) const {
  const ConvGeometry& g = geometry;
  TilePixels pixels;
  ConvTile tile = TileOfBlock(block, plane_bytes, &pixels);
  const int64_t count = rows * g.out_width;
  const int64_t tiles = (count + kernel->max_pixels - 1) / kernel->max_pixels;
  const int64_t row_step = params.stride_height * g.map_width * g.pixel_bytes;
  const int64_t column_step = params.stride_width * g.pixel_bytes;
  const char* row_start = map + block.group * g.group_bytes;
  const char* next = row_start;
  int64_t row = first_pixel / g.out_width % g.out_height;
  int64_t column = 0;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t begin = count * i / tiles;
    tile.pixels = static_cast<int>(count * (i + 1) / tiles - begin);
    bool any_correction = false;
    for (int q = 0; q < tile.pixels; ++q) {
      pixels.start[q] = next;
      const int64_t pattern = patterns.Of(row, column);
      pixels.offsets[q] = patterns.offsets[pattern];
      pixels.corrections[q] = patterns.corrections.empty()
                                  ? nullptr
                                  : patterns.corrections.data() +
                                        pattern * weights.padded_channels + block.padded_first;
      any_correction |= patterns.corrected[pattern] != 0;
      next += column_step;
      if (++column == g.out_width) {
        column = 0;
        ++row;
        next = row_start += row_step;
      }
    }
    tile.out.corrections = any_correction ? pixels.corrections : nullptr;
    tile.out.float_out = float_out == nullptr
                             ? nullptr
                             : float_out + begin * params.channels_out + block.first_channel;
    SetTensors(t, block, first_pixel + begin, &pixels, &tile);
    kernel->tile(tile);
  }
}

void Conv2D::Impl::RunTask(const ConvTensors& t, int64_t task, int thread) const {
  const ConvParams& p = params;
  const ConvGeometry& g = geometry;
  const int64_t split = task % g.splits;
  const int64_t band = task / g.splits % g.bands;
  const int64_t n = task / g.splits / g.bands;
  const int64_t first_row = g.out_height * band / g.bands;
  const int64_t rows = g.out_height * (band + 1) / g.bands - first_row;
  const int64_t first_pixel = (n * g.out_height + first_row) * g.out_width;
  char* slice = scratch.data<char>() + thread * slice_bytes;

  const char* map;
  ptrdiff_t plane_bytes = g.plane_bytes;
  if (g.copy) {
    FillMap(p, kernel->layout(), g, t.input, n, first_row, rows, slice);
    map = slice;
    plane_bytes = g.MapRows(p, rows) * g.map_width * g.pixel_bytes;
  } else {
    map = static_cast<const char*>(t.input) +
          (n * g.height + first_row * p.stride_height) * g.width * g.pixel_bytes;
  }
  float* float_out = nullptr;
  if (p.float_output) {
    float_out = t.float_out + first_pixel * p.channels_out;
  } else if (finish_after()) {
    float_out = reinterpret_cast<float*>(slice + (g.scratch_bytes + 63) / 64 * 64);
  }
  const int64_t blocks = static_cast<int64_t>(weights.blocks.size());
  for (int64_t i = blocks * split / g.splits; i < blocks * (split + 1) / g.splits; ++i) {
    RunBlock(t, weights.blocks[i], map, plane_bytes, first_pixel, rows, float_out);
  }
  if (pack_after) {
    quantize->quantize({rows * g.out_width, p.channels_out, p.out_bits, p.out_scale,
                        weights.pack_multiplier.empty() ? nullptr : weights.pack_multiplier.data(),
                        weights.pack_bias.empty() ? nullptr : weights.pack_bias.data(), float_out,
                        reinterpret_cast<uint32_t*>(t.packed_out) +
                            first_pixel * PackedWords(p.channels_out, p.out_bits)});
  }
  if (p.int8_output) {
    RoundToInt8(float_out, rows * g.out_width * p.channels_out,
                t.int8_out + first_pixel * p.channels_out);
  }
}

Conv2D::Conv2D() : impl_(new (std::nothrow) Impl) {}
Conv2D::~Conv2D() = default;
Conv2D::Conv2D(Conv2D&&) noexcept = default;
Conv2D& Conv2D::operator=(Conv2D&&) noexcept = default;

Status Conv2D::Prepare(const ConvParams& params, const ConvWeights& weights,
                       const std::string& kernel) {
  if (impl_ == nullptr) return Status::Error("out of memory");
  KGN_RETURN_IF_ERROR(Check(params, weights));
  KGN_RETURN_IF_ERROR(CheckKernelName(kernel));
  impl_->params = params;
  const bool depthwise = params.groups > 1 && params.groups == params.channels_in &&
                         params.groups == params.channels_out;
  impl_->kernel = ChooseConvKernel(params.bits, Uses(params), depthwise, kernel);
  impl_->quantize = ChooseQuantizeKernel(kernel);
  impl_->pack_after = params.out_bits > 0 && params.groups > 1 &&
                      params.channels_out / params.groups % 32 != 0 &&
                      !impl_->kernel->layout().depthwise();
  const int64_t lanes = impl_->kernel->lanes;
  int64_t entries = params.groups * ((params.channels_out / params.groups + lanes - 1) / lanes);
  if (!MultiplyChecked(entries, lanes * params.kernel_height * params.kernel_width, &entries) ||
      entries > kMaxEntries) {
    return Status::Error(
        "conv: the weights are too large. Received: kernel=%dx%d, channels_out=%d, groups=%d",
        params.kernel_height, params.kernel_width, params.channels_out, params.groups);
  }
  try {
    return PrepareWeights(params, weights, *impl_->kernel, &impl_->weights);
  } catch (const std::bad_alloc&) {
    return Status::Error("conv: out of memory for the weights");
  }
}

Status Conv2D::Reshape(int64_t batch, int64_t height, int64_t width, int num_threads) {
  const ConvParams& p = impl_->params;
  ConvGeometry& g = impl_->geometry;
  const int64_t blocks = static_cast<int64_t>(impl_->weights.blocks.size());
  const int64_t weight_bytes = static_cast<int64_t>(p.channels_out) * p.kernel_height *
                               p.kernel_width * WordsFor(p.channels_in / p.groups) * 4;
  num_threads = std::max(1, num_threads);
  try {
    KGN_RETURN_IF_ERROR(PlanGeometry(p, impl_->kernel->layout(), batch, height, width, num_threads,
                                     blocks, weight_bytes, impl_->finish_after(), &g));
    impl_->out_height = ConvOutputSize(height, p.kernel_height, p.stride_height, p.dilation_height,
                                       p.padding, nullptr);
    impl_->out_width =
        ConvOutputSize(width, p.kernel_width, p.stride_width, p.dilation_width, p.padding, nullptr);
    int64_t bytes = (g.scratch_bytes + 63) / 64 * 64;
    int64_t floats = 0;
    if (impl_->finish_after() && !p.float_output)
      floats = g.rows_per_band * g.out_width * p.channels_out;
    bytes = (bytes + 4 * floats + 191) / 64 * 64;
    int64_t total;
    if (!MultiplyChecked(bytes, num_threads, &total))
      return Status::Error("conv: scratch is too large");
    impl_->slice_bytes = bytes;
    KGN_RETURN_IF_ERROR(impl_->scratch.Allocate(g.scratch_bytes + floats > 0 ? total : 0));
    KGN_RETURN_IF_ERROR(impl_->patterns.Plan(p, impl_->kernel->layout(), g, impl_->weights));
  } catch (const std::bad_alloc&) {
    return Status::Error("conv: out of memory");
  }
  return Status::Ok();
}

int64_t Conv2D::output_height() const { return impl_->out_height; }
int64_t Conv2D::output_width() const { return impl_->out_width; }
const char* Conv2D::kernel_name() const { return impl_->kernel->name; }

void Conv2D::Run(const ConvTensors& tensors, ThreadPool* pool) {
  const ConvGeometry& g = impl_->geometry;
  auto task = [&](int64_t i, int thread) { impl_->RunTask(tensors, i, thread); };
  pool->ParallelFor(g.batch * g.bands * g.splits, task);
}

}  // namespace kgn
