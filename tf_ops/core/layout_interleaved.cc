// Weights as words [steps][lanes].
#include "core/kernels.h"
#include "core/layout_packed.h"

namespace kgn {
namespace {

class Interleaved final : public PackedLayout {
 public:
  int64_t WeightBytes(int64_t steps, int64_t lanes) const override { return 4 * steps * lanes; }

  void LayOut(const WeightBlock& block, char* out) const override {
    uint32_t* words = reinterpret_cast<uint32_t*>(out);
    const int64_t tap_steps = TapSteps(block.depth);
    ForEachWord(block, [&](int64_t channel, int64_t tap, int64_t first, int64_t, uint32_t word) {
      words[(tap * tap_steps + first / 32) * block.lanes + channel] = word;
    });
  }
};

}  // namespace

const Layout& InterleavedLayout() {
  static constexpr Interleaved layout{};
  return layout;
}

}  // namespace kgn
