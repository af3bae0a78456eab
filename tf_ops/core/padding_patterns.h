#pragma once

#include <cstdint>
#include <vector>

#include "core/conv2d.h"
#include "core/conv_geometry.h"
#include "core/conv_weights.h"
#include "core/layout.h"
#include "core/status.h"

namespace kgn {

// From a kernel's sum to the sum of docs/ops.md: offsets[pattern] + scale * (sum + corrections).
//
// 1-bit taps outside the map do not count if pad_value = 0. Such a tap reads bits 0 and so adds its
// number of -1 weights to the popcount: subtract it again (`corrections`) and count only taps
// inside (`offsets`). One entry for each pattern of taps outside, which is a pattern of rows times
// one of columns. 2 and 4 bits: sum_m 2^m (popcount(a_m xor w) - popcount(w)) is the sum of the
// spec, so the one pattern subtracts (2^bits - 1) popcount(w).
struct PaddingPatterns {
  float scale = 1;
  std::vector<float> offsets;        // [patterns]
  std::vector<int32_t> corrections;  // [patterns][padded_channels]; empty: none
  std::vector<char> corrected;       // [patterns]: whether the corrections are not all 0

  Status Plan(const ConvParams& params, const Layout& layout, const ConvGeometry& geometry,
              const PreparedWeights& weights);

  // The pattern of an output pixel.
  int64_t Of(int64_t row, int64_t column) const {
    return rows_.empty() ? 0 : int64_t{rows_[row]} * column_patterns_ + columns_[column];
  }

 private:
  std::vector<int> rows_, columns_;  // number of the pattern at each position
  int column_patterns_ = 1;
};

}  // namespace kgn
