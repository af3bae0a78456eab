#pragma once

#include <cstddef>
#include <cstdint>

namespace kgn {

// Makes the tables of some pixels (layout_tables.h).
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

using ExpandTables = void(const ExpandArgs& args);

ExpandTables expand_tables64_avx512;

}  // namespace kgn
