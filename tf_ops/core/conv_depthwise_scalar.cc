#include "core/conv_depthwise.h"
#include "core/epilogue_scalar.h"

namespace kgn {
namespace {

struct Shorts {
  int16_t sums[16] = {};

  void MultiplyAdd(const int8_t* values, const int16_t* weights) {
    for (int i = 0; i < 16; ++i) sums[i] = static_cast<int16_t>(sums[i] + values[i] * weights[i]);
  }
  void AddTo(int32_t* to) const {
    for (int i = 0; i < 16; ++i) to[i] += sums[i];
  }
};

}  // namespace

void conv_depthwise_scalar(const ConvTile& tile) {
  for (int p = 0; p < tile.pixels; ++p) {
    int32_t sums[kDepthwiseBlock];
    SumDepthwise<Shorts>(tile, p, sums);
    FinishScalar(tile.out, p, sums);
  }
}

void conv_depthwise_float_scalar(const ConvTile& tile) {
  for (int p = 0; p < tile.pixels; ++p) {
    float sums[kDepthwiseBlock];
    SumDepthwise(tile, p, sums);
    FinishScalar(tile.out, p, sums);
  }
}

}  // namespace kgn
