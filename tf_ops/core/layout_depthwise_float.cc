// Depthwise weights as floats [taps][lanes].
#include "core/kernels.h"
#include "core/layout_float.h"

namespace kgn {
namespace {

class DepthwiseFloat final : public FloatLayout {
 public:
  constexpr DepthwiseFloat() : FloatLayout(true) {}

  int64_t WeightBytes(int64_t steps, int64_t lanes) const override { return 4 * steps * lanes; }

  void LayOut(const WeightBlock& block, char* out) const override {
    float* weights = reinterpret_cast<float*>(out);
    ForEachWord(block, [&](int64_t channel, int64_t tap, int64_t, int64_t, uint32_t word) {
      weights[tap * block.lanes + channel] = word != 0 ? -1.0f : 1.0f;
    });
  }
};

}  // namespace

const Layout& DepthwiseFloatLayout() {
  static constexpr DepthwiseFloat layout{};
  return layout;
}

}  // namespace kgn
