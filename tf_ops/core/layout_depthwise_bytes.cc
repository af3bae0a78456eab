// Depthwise: the map holds the values as bytes, weights are int16 [taps][lanes].
#include <cstring>

#include "core/kernels.h"
#include "core/layout.h"
#include "core/spread_bits.h"

namespace kgn {
namespace {

class DepthwiseBytes final : public Layout {
 public:
  constexpr DepthwiseBytes() : Layout({1, 1, true, false, false}) {}

  int64_t WeightBytes(int64_t steps, int64_t lanes) const override { return 2 * steps * lanes; }

  void LayOut(const WeightBlock& block, char* out) const override {
    int16_t* weights = reinterpret_cast<int16_t*>(out);
    ForEachWord(block, [&](int64_t channel, int64_t tap, int64_t, int64_t, uint32_t word) {
      weights[tap * block.lanes + channel] = word != 0 ? -1 : 1;
    });
  }

  void FillPadding(const MapFormat& map, int64_t count, char* out) const override {
    std::memset(out, map.params.pad_value, static_cast<size_t>(count * map.pixel_bytes));
  }

  void FillPixels(const MapFormat& map, const char* input, int64_t count, int,
                  char* out) const override {
    const int bits = map.params.bits;
    const int64_t channels = map.params.channels_in;
    const int64_t plane_words = WordsFor(channels);
    const uint32_t* words = reinterpret_cast<const uint32_t*>(input);
    for (int64_t pixel = 0; pixel < count; ++pixel) {
      for (int64_t c = 0; c < channels; c += 8) {
        uint64_t values = 0;
        for (int m = 0; m < bits; ++m)
          values |= kSpreadBits.bytes[words[m * plane_words + c / 32] >> (c % 32) & 255] << m;
        if (bits == 1) values = (values * 0xfe) ^ 0x0101010101010101u;  // 1 or -1
        std::memcpy(out + c, &values, channels - c < 8 ? static_cast<size_t>(channels - c) : 8);
      }
      words += bits * plane_words;
      out += map.pixel_bytes;
    }
  }
};

}  // namespace

const Layout& DepthwiseBytesLayout() {
  static constexpr DepthwiseBytes layout{};
  return layout;
}

}  // namespace kgn
