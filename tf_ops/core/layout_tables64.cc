// A step is 4 tables of 16 entries; weights are bytes [steps][lanes][4], whose bits 4 and 5 say
// which of the tables.
#if defined(__x86_64__)
#include "core/kernels.h"
#include "core/layout_tables.h"

namespace kgn {
namespace {

class Tables64 final : public TablesLayout {
 public:
  constexpr Tables64() : TablesLayout(16, 64, expand_tables64_avx512) {}

  int64_t WeightBytes(int64_t steps, int64_t lanes) const override { return 4 * steps * lanes; }

  void LayOut(const WeightBlock& block, char* out) const override {
    const int64_t tap_steps = TapSteps(block.depth);
    // Tables of channels that do not exist hold zeros; their indices must not lead into others.
    for (int64_t i = 0; i < 4 * block.taps * tap_steps * block.lanes; ++i)
      out[i] = static_cast<char>(i % 4 << 4);
    ForEachWord(block,
                [&](int64_t channel, int64_t tap, int64_t first, int64_t count, uint32_t word) {
                  for (int64_t i = 0; i < count; i += 4) {
                    const int64_t table = (first + i) / 4;
                    out[((tap * tap_steps + table / 4) * block.lanes + channel) * 4 + table % 4] =
                        static_cast<char>((word >> i & 15u) | table % 4 << 4);
                  }
                });
  }
};

}  // namespace

const Layout& Tables64Layout() {
  static constexpr Tables64 layout{};
  return layout;
}

}  // namespace kgn
#endif
