#include "core/layout_float.h"

#include <cstring>

namespace kgn {

void FloatLayout::FillPadding(const MapFormat& map, int64_t count, char* out) const {
  std::fill_n(reinterpret_cast<float*>(out), count * map.params.channels_in,
              static_cast<float>(map.params.pad_value));
}

void FloatLayout::FillPixels(const MapFormat& map, const char* input, int64_t count, int,
                             char* out) const {
  std::memcpy(out, input, static_cast<size_t>(count * map.pixel_bytes));
}

}  // namespace kgn
