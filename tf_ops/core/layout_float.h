#pragma once

#include "core/layout.h"

namespace kgn {

// Tiles read floats as the op's input has them. A step is one of them.
class FloatLayout : public Layout {
 public:
  explicit constexpr FloatLayout(bool depthwise) : Layout({1, 4, depthwise, true, false}) {}
  void FillPadding(const MapFormat& map, int64_t count, char* out) const override;
  void FillPixels(const MapFormat& map, const char* input, int64_t count, int plane,
                  char* out) const override;

 protected:
  ~FloatLayout() = default;
};

}  // namespace kgn
