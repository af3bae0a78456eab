#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/conv2d.h"
#include "core/layout.h"

namespace kgn {

// Where a tile finds its inputs. The *map* is what tiles read: the op's input itself, or a copy of
// some of its rows with padding around them (one plane behind the other, each group's channels on
// word boundaries) if the input has no such form.
struct ConvGeometry {
  int64_t batch, height, width;   // of the input
  int64_t out_height, out_width;  // as tiles see them: a convolution that looks at single pixels
                                  // sees one column of them
  int64_t pixels_per_image;       // output pixels that share a per-image scale
  int64_t pad_top, pad_left;
  bool copy;
  int64_t map_width;    // pixels
  int64_t pixel_bytes;  // from pixel to pixel
  int64_t group_bytes;  // from group to group of a pixel
  int64_t plane_bytes;  // from plane to plane, if the map is the input
  std::vector<ptrdiff_t> runs;
  int run_steps;

  // How the work is cut: tasks are images x bands of output rows x ranges of blocks.
  int64_t rows_per_band, bands, splits;
  int64_t scratch_bytes;  // of one thread's map

  int64_t MapRows(const ConvParams& params, int64_t output_rows) const {
    return (output_rows - 1) * params.stride_height +
           static_cast<int64_t>(params.kernel_height - 1) * params.dilation_height + 1;
  }
  // Columns that the output's rows look at.
  int64_t MapColumns(const ConvParams& params) const {
    return (out_width - 1) * params.stride_width +
           static_cast<int64_t>(params.kernel_width - 1) * params.dilation_width + 1;
  }
};

// Sizes are checked for overflow. `weight_bytes` and `blocks` help to cut the work; with
// `finish_after` a task makes its outputs from float ones of all its channels.
Status PlanGeometry(const ConvParams& params, const Layout& layout, int64_t batch, int64_t height,
                    int64_t width, int num_threads, int64_t blocks, int64_t weight_bytes,
                    bool finish_after, ConvGeometry* geometry);

// Copies the rows of the input that the output rows [first_row, first_row + rows) of image `n` see,
// and the padding around them.
void FillMap(const ConvParams& params, const Layout& layout, const ConvGeometry& geometry,
             const void* input, int64_t n, int64_t first_row, int64_t rows, char* map);

}  // namespace kgn
