#pragma once

#include "core/layout.h"

namespace kgn {

// Tiles read packed words as the op's input has them, each group's from a word boundary on. A step
// is one word.
class PackedLayout : public Layout {
 public:
  constexpr PackedLayout() : Layout({32, 4, false, true, true}) {}
  void FillPadding(const MapFormat& map, int64_t count, char* out) const override;
  void FillPixels(const MapFormat& map, const char* input, int64_t count, int plane,
                  char* out) const override;

 protected:
  ~PackedLayout() = default;
};

}  // namespace kgn
