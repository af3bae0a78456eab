#include "core/conv_geometry.h"

#include <algorithm>
#include <cstring>

#include "core/bitpack.h"

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

int64_t InputPixelBytes(const ConvParams& p) {
  return 4 * (p.bits == 32 ? int64_t{p.channels_in} : PackedWords(p.channels_in, p.bits));
}

void CutWork(const ConvParams& p, const Layout& layout, int num_threads, int64_t blocks,
             int64_t weight_bytes, bool finish_after, ConvGeometry* g) {
  const int64_t map_bytes = g->copy ? layout.Planes(p.bits) * g->map_width * g->pixel_bytes : 0;
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
  // Threads that share a map's pixels write to the same cache lines of the output, so they get rows
  // of their own, unless each had to read more weights than it can keep.
  const bool heavy = weight_bytes > kWeightBytes;
  if (!finish_after && blocks > 1 && (heavy || g->batch * g->out_height < num_threads)) {
    // Each split makes the whole map, if it must be made.
    g->splits = std::min(blocks, layout.reads_input() ? wanted : CeilDiv(wanted, kTasksPerThread));
    return;
  }
  // Bands make the map's rows between them twice, if they must be made.
  const int64_t least_rows = std::max<int64_t>(CeilDiv(kTaskPixels, g->out_width),
                                               layout.reads_input() ? 1 : 2 * p.kernel_height);
  const int64_t rounds = std::max<int64_t>(1, g->out_height / least_rows / num_threads);
  g->bands = std::max(g->bands, std::min({g->bands * wanted, rounds * num_threads, g->out_height}));
  g->rows_per_band = CeilDiv(g->out_height, g->bands);
}

// The output's size and how far the input is padded.
Status PlanExtents(const ConvParams& p, int64_t batch, int64_t height, int64_t width,
                   ConvGeometry* g) {
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
  return Status::Ok();
}

// Whether the map is a copy, and how its pixels lie.
Status PlanMap(const ConvParams& p, const Layout& layout, ConvGeometry* g) {
  const int64_t depth = p.channels_in / p.groups;
  const bool pads = g->pad_top > 0 || g->pad_left > 0 || g->MapRows(p, g->out_height) > g->height ||
                    g->MapColumns(p) > g->width;
  const bool regroup = p.bits != 32 && p.groups > 1 && depth % 32 != 0;
  g->copy = pads || regroup || !layout.reads_input();
  const int64_t height = g->height, width = g->width;
  if (p.kernel_height == 1 && p.kernel_width == 1 && p.stride_height == 1 && p.stride_width == 1) {
    g->height = g->out_height = g->batch * height * width;
    g->width = g->out_width = 1;
    g->batch = 1;
  }
  g->map_width = g->copy ? g->MapColumns(p) : g->width;
  g->group_bytes = layout.TapSteps(depth) * layout.step_bytes();
  g->pixel_bytes = g->copy ? g->group_bytes * p.groups : InputPixelBytes(p);
  g->plane_bytes = 4 * WordsFor(p.channels_in);

  // Checked before any other product: what follows multiplies no more than these and the extents of
  // the input.
  int64_t band_bytes = layout.Planes(p.bits) * g->pixel_bytes;
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
  return Status::Ok();
}

// Where the taps of a pixel lie. Those of a row that lie one behind the other are one run.
void PlanRuns(const ConvParams& p, const Layout& layout, ConvGeometry* g) {
  const int64_t tap_steps = layout.TapSteps(p.channels_in / p.groups);
  const bool merge =
      p.groups == 1 && p.dilation_width == 1 && (g->copy || layout.Planes(p.bits) == 1);
  const int64_t columns = merge ? 1 : p.kernel_width;
  g->run_steps = static_cast<int>(merge ? tap_steps * p.kernel_width : tap_steps);
  g->runs.clear();
  for (int64_t ky = 0; ky < p.kernel_height; ++ky) {
    for (int64_t kx = 0; kx < columns; ++kx) {
      g->runs.push_back((ky * p.dilation_height * g->map_width + kx * p.dilation_width) *
                        g->pixel_bytes);
    }
  }
}

}  // namespace

Status PlanGeometry(const ConvParams& p, const Layout& layout, int64_t batch, int64_t height,
                    int64_t width, int num_threads, int64_t blocks, int64_t weight_bytes,
                    bool finish_after, ConvGeometry* g) {
  KGN_RETURN_IF_ERROR(PlanExtents(p, batch, height, width, g));
  KGN_RETURN_IF_ERROR(PlanMap(p, layout, g));
  PlanRuns(p, layout, g);
  CutWork(p, layout, num_threads, blocks, weight_bytes, finish_after, g);
  g->scratch_bytes = g->copy ? g->MapRows(p, g->rows_per_band) * g->map_width *
                                   layout.Planes(p.bits) * g->pixel_bytes
                             : 0;
  return Status::Ok();
}

void FillMap(const ConvParams& p, const Layout& layout, const ConvGeometry& g, const void* input,
             int64_t n, int64_t first_row, int64_t rows, char* map) {
  const int64_t map_rows = g.MapRows(p, rows);
  const int64_t top = first_row * p.stride_height - g.pad_top;
  const int64_t left_pad = std::min(g.pad_left, g.map_width);
  const int64_t inside = std::min(g.width, g.map_width - left_pad);
  const int64_t right_pad = g.map_width - left_pad - inside;
  const MapFormat format = {p, g.group_bytes, g.pixel_bytes};
  const int64_t input_pixel = InputPixelBytes(p);
  const char* image = static_cast<const char*>(input) + n * g.height * g.width * input_pixel;
  for (int m = 0; m < layout.Planes(p.bits); ++m) {
    for (int64_t row = 0; row < map_rows; ++row) {
      char* out = map + (m * map_rows + row) * g.map_width * g.pixel_bytes;
      const int64_t y = top + row;
      if (left_pad == 0 && right_pad == 0 && inside == g.width && y >= 0 && y < g.height) {
        // Rows without padding lie one behind the other, as those of the input do.
        const int64_t together = std::min(map_rows - row, g.height - y);
        layout.FillPixels(format, image + y * g.width * input_pixel, together * g.width, m, out);
        row += together - 1;
        continue;
      }
      if (y < 0 || y >= g.height) {
        layout.FillPadding(format, g.map_width, out);
        continue;
      }
      layout.FillPadding(format, left_pad, out);
      layout.FillPixels(format, image + y * g.width * input_pixel, inside, m,
                        out + left_pad * g.pixel_bytes);
      layout.FillPadding(format, right_pad, out + (left_pad + inside) * g.pixel_bytes);
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
