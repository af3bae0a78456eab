#include "core/conv_geometry.h"

#include <algorithm>
#include <cstring>

#include "core/bitpack.h"
#include "core/conv_weights.h"

namespace kgn {
namespace {

// A thread's map should stay in its second-level cache.
constexpr int64_t kMapBytes = 256 * 1024;
// Weights should, too, if several threads read all of them.
constexpr int64_t kWeightBytes = 128 * 1024;
// A core that is slower, or shared with other work, leaves some of its tasks to the others.
constexpr int64_t kTasksPerThread = 4;
constexpr int64_t kTaskPixels = 32;  // of the output, at least
// It never gets larger than this, whatever kernel and dilation a file asks for.
constexpr int64_t kMaxMapBytes = int64_t{1} << 28;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Planes of the map: tables have none.
int Planes(const ConvParams& p, const ConvKernel& kernel) {
  return p.bits == 32 || kernel.expand != nullptr ? 1 : p.bits;
}

void CutWork(const ConvParams& p, const ConvKernel& kernel, int num_threads, int64_t blocks,
             int64_t weight_bytes, bool finish_after, ConvGeometry* g) {
  const int64_t map_bytes = g->copy ? Planes(p, kernel) * g->map_width * g->pixel_bytes : 0;
  const int64_t float_bytes = finish_after ? 4 * g->out_width * p.channels_out : 0;
  g->rows_per_band = g->out_height;
  while (g->rows_per_band > 1 && std::max(g->MapRows(p, g->rows_per_band) * map_bytes,
                                          g->rows_per_band * float_bytes) > kMapBytes) {
    g->rows_per_band = CeilDiv(g->rows_per_band, 2);
  }
  g->bands = CeilDiv(g->out_height, g->rows_per_band);
  g->splits = 1;
  if (num_threads == 1) return;
  const int64_t wanted = CeilDiv(kTasksPerThread * num_threads, g->batch * g->bands);
  const bool tables = kernel.expand != nullptr;
  // Threads that share a map's pixels write to the same cache lines of the output, so they get rows
  // of their own, unless each had to read more weights than it can keep.
  const bool heavy = weight_bytes > kWeightBytes;
  if (!finish_after && blocks > 1 && (heavy || g->batch * g->out_height < num_threads)) {
    // Each split makes the tables of the whole map.
    g->splits = std::min(blocks, tables ? CeilDiv(wanted, kTasksPerThread) : wanted);
    return;
  }
  // Bands make the tables of the rows between them twice.
  const int64_t least_rows =
      std::max<int64_t>(CeilDiv(kTaskPixels, g->out_width), tables ? 2 * p.kernel_height : 1);
  const int64_t rounds = std::max<int64_t>(1, g->out_height / least_rows / num_threads);
  g->bands = std::max(g->bands, std::min({g->bands * wanted, rounds * num_threads, g->out_height}));
  g->rows_per_band = CeilDiv(g->out_height, g->bands);
}

// Bits [first, first + count) of a row of words, to the front of `out`.
void ExtractBits(const uint32_t* words, int64_t first, int64_t count, uint32_t* out) {
  for (int64_t i = 0; i < count; i += 32) {
    const int64_t bit = first + i;
    const int64_t bits = std::min<int64_t>(32, count - i);
    uint64_t value = words[bit / 32];
    if (bit % 32 + bits > 32) value |= static_cast<uint64_t>(words[bit / 32 + 1]) << 32;
    value >>= bit % 32;
    *out++ = static_cast<uint32_t>(value & ((uint64_t{1} << bits) - 1));
  }
}

// Channels of a group whose bits fit the stack when they are brought to a word boundary; a multiple
// of every step.
constexpr int64_t kChunkChannels = 960;

// `count` pixels of padding.
void FillPadding(const ConvParams& p, const ConvKernel& kernel, const ConvGeometry& g,
                 int64_t count, char* out) {
  if (p.bits == 32 && p.pad_value != 0) {
    std::fill_n(reinterpret_cast<float*>(out), count * p.channels_in,
                static_cast<float>(p.pad_value));
  } else if (kernel.layout == WeightLayout::kDepthwise) {
    std::memset(out, p.pad_value, static_cast<size_t>(count * g.pixel_bytes));
  } else if (p.pad_value != 0 && kernel.expand != nullptr) {
    // All channels alike: a part of a word of ones or zeros serves all of them, chunk by chunk.
    const int64_t per_group = p.channels_in / p.groups;
    uint32_t words[kChunkChannels / 32 + 1];
    std::fill_n(words, kChunkChannels / 32 + 1, p.pad_value == -1 ? ~0u : 0u);
    for (int64_t i = 0; i < count * p.groups; ++i) {
      for (int64_t c = 0; c < per_group; c += kChunkChannels) {
        const int64_t channels = std::min(kChunkChannels, per_group - c);
        if (channels % 32 != 0) words[channels / 32] &= (1u << (channels % 32)) - 1;
        kernel.expand(
            {words, 1, 0, 0, 1, channels,
             out + i * g.group_bytes + c / StepChannels(kernel.layout) * StepBytes(kernel.layout),
             0});
      }
    }
  } else if (p.bits == 1 && p.pad_value == -1) {
    const int64_t per_group = p.channels_in / p.groups;
    const int64_t words = WordsFor(per_group);
    uint32_t* word = reinterpret_cast<uint32_t*>(out);
    for (int64_t i = 0; i < count * g.pixel_bytes / 4; ++i) {
      const bool last = i % words == words - 1;
      word[i] = last && per_group % 32 != 0 ? (1u << (per_group % 32)) - 1 : ~0u;
    }
  } else {
    std::memset(out, 0, static_cast<size_t>(count * g.pixel_bytes));
  }
}

// The tables of `count` pixels that lie `pixel_stride` words from each other.
void ExpandPixels(const ConvParams& p, const ConvKernel& kernel, const ConvGeometry& g,
                  const uint32_t* words, int64_t count, int64_t pixel_stride, char* out) {
  const int64_t per_group = p.channels_in / p.groups;
  const int64_t plane_words = WordsFor(p.channels_in);
  if (kernel.layout == WeightLayout::kDepthwise) {
    kernel.expand(
        {words, count, pixel_stride, plane_words, p.bits, p.channels_in, out, g.pixel_bytes});
    return;
  }
  if (p.groups == 1 || per_group % 32 == 0) {
    for (int group = 0; group < p.groups; ++group) {
      kernel.expand({words + group * (per_group / 32), count, pixel_stride, plane_words, p.bits,
                     per_group, out + group * g.group_bytes, g.pixel_bytes});
    }
    return;
  }
  for (int64_t i = 0; i < count * p.groups; ++i) {
    const uint32_t* pixel = words + i / p.groups * pixel_stride;
    char* tables = out + i * g.group_bytes;
    for (int64_t c = 0; c < per_group; c += kChunkChannels) {
      const int64_t channels = std::min(kChunkChannels, per_group - c);
      uint32_t chunk[4][kChunkChannels / 32 + 1];
      for (int m = 0; m < p.bits; ++m)
        ExtractBits(pixel + m * plane_words, i % p.groups * per_group + c, channels, chunk[m]);
      kernel.expand({chunk[0], 1, 0, chunk[1] - chunk[0], p.bits, channels,
                     tables + c / StepChannels(kernel.layout) * StepBytes(kernel.layout), 0});
    }
  }
}

// Plane m of `count` pixels that lie one behind the other.
void CopyPixels(const ConvParams& p, const ConvKernel& kernel, const ConvGeometry& g,
                const char* input, int64_t count, int m, char* out) {
  const int64_t per_group = p.channels_in / p.groups;
  if (p.bits == 32) {
    std::memcpy(out, input, static_cast<size_t>(count * g.pixel_bytes));
    return;
  }
  if (kernel.expand != nullptr) {
    ExpandPixels(p, kernel, g, reinterpret_cast<const uint32_t*>(input), count,
                 PackedWords(p.channels_in, p.bits), out);
    return;
  }
  const int64_t plane_words = WordsFor(p.channels_in);
  const bool regroup = p.groups > 1 && per_group % 32 != 0;
  if (p.bits == 1 && !regroup) {
    std::memcpy(out, input, static_cast<size_t>(count * g.pixel_bytes));
    return;
  }
  const uint32_t* words = reinterpret_cast<const uint32_t*>(input) + m * plane_words;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t* to = reinterpret_cast<uint32_t*>(out + i * g.pixel_bytes);
    if (!regroup) {
      for (int64_t word = 0; word < plane_words; ++word) to[word] = words[word];
    } else {
      for (int group = 0; group < p.groups; ++group) {
        ExtractBits(words, group * per_group, per_group, to + group * WordsFor(per_group));
      }
    }
    words += p.bits * plane_words;
  }
}

}  // namespace

Status PlanGeometry(const ConvParams& p, const ConvKernel& kernel, int64_t batch, int64_t height,
                    int64_t width, int num_threads, int64_t blocks, int64_t weight_bytes,
                    bool finish_after, ConvGeometry* g) {
  g->out_height = ConvOutputSize(height, p.kernel_height, p.stride_height, p.dilation_height,
                                 p.padding, &g->pad_top);
  g->out_width = ConvOutputSize(width, p.kernel_width, p.stride_width, p.dilation_width, p.padding,
                                &g->pad_left);
  if (batch < 1 || g->out_height <= 0 || g->out_width <= 0) {
    return Status::Error(
        "conv: expected at least one image, no smaller than the kernel. Received: batch=%lld, "
        "height=%lld, width=%lld",
        static_cast<long long>(batch), static_cast<long long>(height),
        static_cast<long long>(width));
  }
  int64_t elements;
  const int64_t widest = std::max(p.channels_in, p.channels_out);
  if (!MultiplyChecked(batch, height, &elements) || !MultiplyChecked(elements, width, &elements) ||
      !MultiplyChecked(elements, widest, &elements) || elements > (int64_t{1} << 40)) {
    return Status::Error(
        "conv: the input is too large. Received: batch=%lld, height=%lld, width=%lld, "
        "channels=%lld",
        static_cast<long long>(batch), static_cast<long long>(height),
        static_cast<long long>(width), static_cast<long long>(widest));
  }
  g->batch = batch;
  g->height = height;
  g->width = width;
  g->pixels_per_image = g->out_height * g->out_width;
  const int64_t per_group = p.channels_in / p.groups;
  const bool pads = g->pad_top > 0 || g->pad_left > 0 || g->MapRows(p, g->out_height) > height ||
                    (g->out_width - 1) * p.stride_width +
                            static_cast<int64_t>(p.kernel_width - 1) * p.dilation_width + 1 >
                        width;
  const bool regroup = p.bits != 32 && p.groups > 1 && per_group % 32 != 0;
  g->copy = pads || regroup || kernel.expand != nullptr;
  const bool single =
      p.kernel_height == 1 && p.kernel_width == 1 && p.stride_height == 1 && p.stride_width == 1;
  if (single) {
    g->height = g->out_height = batch * height * width;
    g->width = g->out_width = 1;
    g->batch = 1;
  }

  const int64_t map_width = (g->out_width - 1) * p.stride_width +
                            static_cast<int64_t>(p.kernel_width - 1) * p.dilation_width + 1;
  g->map_width = g->copy ? map_width : g->width;
  const int64_t input_words = p.bits == 32 ? p.channels_in : PackedWords(p.channels_in, p.bits);
  const int64_t tap_steps = TapSteps(p, kernel);
  g->group_bytes = tap_steps * StepBytes(kernel.layout);
  g->pixel_bytes = g->copy ? g->group_bytes * p.groups : 4 * input_words;
  g->plane_bytes = 4 * WordsFor(p.channels_in);

  // Checked before any other product: what follows multiplies no more than these and the extents of
  // the input.
  int64_t band_bytes = Planes(p, kernel) * g->pixel_bytes;
  if (g->copy &&
      (!MultiplyChecked(band_bytes, g->map_width, &band_bytes) ||
       !MultiplyChecked(band_bytes, g->MapRows(p, 1), &band_bytes) || band_bytes > kMaxMapBytes)) {
    return Status::Error(
        "conv: the rows that one row of the output looks at, padding included, take more than %lld "
        "bytes. Received: height=%lld, width=%lld, kernel=%dx%d, dilation=%dx%d",
        static_cast<long long>(kMaxMapBytes), static_cast<long long>(height),
        static_cast<long long>(width), p.kernel_height, p.kernel_width, p.dilation_height,
        p.dilation_width);
  }

  // Taps of a row that lie one behind the other are one run.
  const bool merge = p.groups == 1 && p.dilation_width == 1 && (g->copy || Planes(p, kernel) == 1);
  const int64_t columns = merge ? 1 : p.kernel_width;
  g->run_steps = static_cast<int>(merge ? tap_steps * p.kernel_width : tap_steps);
  g->runs.clear();
  for (int64_t ky = 0; ky < p.kernel_height; ++ky) {
    for (int64_t kx = 0; kx < columns; ++kx) {
      g->runs.push_back((ky * p.dilation_height * g->map_width + kx * p.dilation_width) *
                        g->pixel_bytes);
    }
  }

  CutWork(p, kernel, num_threads, blocks, weight_bytes, finish_after, g);
  g->scratch_bytes =
      g->copy ? g->MapRows(p, g->rows_per_band) * g->map_width * Planes(p, kernel) * g->pixel_bytes
              : 0;
  return Status::Ok();
}

void FillMap(const ConvParams& p, const ConvKernel& kernel, const ConvGeometry& g,
             const void* input, int64_t n, int64_t first_row, int64_t rows, char* map) {
  const int64_t map_rows = g.MapRows(p, rows);
  const int64_t top = first_row * p.stride_height - g.pad_top;
  const int64_t left_pad = std::min(g.pad_left, g.map_width);
  const int64_t inside = std::min(g.width, g.map_width - left_pad);
  const int64_t right_pad = g.map_width - left_pad - inside;
  const int64_t input_pixel =
      4 * (p.bits == 32 ? p.channels_in : PackedWords(p.channels_in, p.bits));
  const char* image = static_cast<const char*>(input) + n * g.height * g.width * input_pixel;
  for (int m = 0; m < Planes(p, kernel); ++m) {
    for (int64_t row = 0; row < map_rows; ++row) {
      char* out = map + (m * map_rows + row) * g.map_width * g.pixel_bytes;
      const int64_t y = top + row;
      if (left_pad == 0 && right_pad == 0 && inside == g.width && y >= 0 && y < g.height) {
        // Rows without padding lie one behind the other, as those of the input do.
        const int64_t together = std::min(map_rows - row, g.height - y);
        CopyPixels(p, kernel, g, image + y * g.width * input_pixel, together * g.width, m, out);
        row += together - 1;
        continue;
      }
      if (y < 0 || y >= g.height) {
        FillPadding(p, kernel, g, g.map_width, out);
        continue;
      }
      FillPadding(p, kernel, g, left_pad, out);
      CopyPixels(p, kernel, g, image + y * g.width * input_pixel, inside, m,
                 out + left_pad * g.pixel_bytes);
      FillPadding(p, kernel, g, right_pad, out + (left_pad + inside) * g.pixel_bytes);
    }
  }
}

int64_t ConvOutputSize(int64_t input, int64_t kernel, int64_t stride, int64_t dilation,
                       Padding padding, int64_t* pad_before) {
  const int64_t extent = (kernel - 1) * dilation + 1;
  if (pad_before != nullptr) *pad_before = 0;
  if (input <= 0 || kernel <= 0 || stride <= 0 || dilation <= 0) return -1;
  if (padding == Padding::kValid) return input < extent ? -1 : (input - extent) / stride + 1;
  const int64_t output = (input + stride - 1) / stride;
  const int64_t total = std::max<int64_t>(0, (output - 1) * stride + extent - input);
  if (pad_before != nullptr) *pad_before = total / 2;
  return output;
}

}  // namespace kgn
