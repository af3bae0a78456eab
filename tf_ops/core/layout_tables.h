#pragma once

#include "core/expand_tables.h"
#include "core/layout.h"

namespace kgn {

// Tiles read tables instead of values: signed bytes, entry i holds the sum of the values of 4 input
// channels, those with bit j of i set taken negative. Weights are indices into them.
class TablesLayout : public Layout {
 public:
  constexpr TablesLayout(int step_channels, int step_bytes, ExpandTables* expand)
      : Layout({step_channels, step_bytes, false, false, false}), expand_(expand) {}
  void FillPadding(const MapFormat& map, int64_t count, char* out) const override;
  void FillPixels(const MapFormat& map, const char* input, int64_t count, int plane,
                  char* out) const override;

 protected:
  ~TablesLayout() = default;

 private:
  // Where channel `c`, the first one of a step, has its tables.
  int64_t TablesOf(int64_t c) const { return c / step_channels() * step_bytes(); }

  ExpandTables* const expand_;
};

}  // namespace kgn
