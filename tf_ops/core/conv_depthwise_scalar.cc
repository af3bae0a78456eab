#include "core/conv_depthwise.h"
#include "core/epilogue_scalar.h"
#include "core/spread_bits.h"

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

void expand_bytes(const ExpandArgs& args) {
  for (int64_t pixel = 0; pixel < args.pixels; ++pixel) {
    const uint32_t* words = args.words + pixel * args.pixel_stride;
    char* out = args.tables + pixel * args.table_stride;
    for (int64_t c = 0; c < args.channels; c += 8) {
      uint64_t values = 0;
      for (int m = 0; m < args.bits; ++m) {
        values |= kSpreadBits.bytes[words[m * args.plane_stride + c / 32] >> (c % 32) & 255] << m;
      }
      if (args.bits == 1) values = (values * 0xfe) ^ 0x0101010101010101u;  // 1 or -1
      memcpy(out + c, &values, args.channels - c < 8 ? static_cast<size_t>(args.channels - c) : 8);
    }
  }
}

}  // namespace kgn
