// Weights as words [steps][ceil(lanes / 32)]: a step is one input channel, a bit one output
// channel.
#include "core/kernels.h"
#include "core/layout_float.h"

namespace kgn {
namespace {

class SignBits final : public FloatLayout {
 public:
  constexpr SignBits() : FloatLayout(false) {}

  int64_t WeightBytes(int64_t steps, int64_t lanes) const override {
    return 4 * steps * WordsFor(lanes);
  }

  void LayOut(const WeightBlock& block, char* out) const override {
    uint32_t* words = reinterpret_cast<uint32_t*>(out);
    const int64_t row = WordsFor(block.lanes);
    ForEachWord(
        block, [&](int64_t channel, int64_t tap, int64_t first, int64_t count, uint32_t word) {
          for (int64_t i = 0; i < count; ++i) {
            words[(tap * block.depth + first + i) * row + channel / 32] |= (word >> i & 1u)
                                                                           << (channel % 32);
          }
        });
  }
};

}  // namespace

const Layout& SignBitsLayout() {
  static constexpr SignBits layout{};
  return layout;
}

}  // namespace kgn
