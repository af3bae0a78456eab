// Weights as words [channels][steps].
#include "core/kernels.h"
#include "core/layout_packed.h"

namespace kgn {
namespace {

class Rows final : public PackedLayout {
 public:
  int64_t WeightBytes(int64_t steps, int64_t lanes) const override { return 4 * steps * lanes; }

  void LayOut(const WeightBlock& block, char* out) const override {
    uint32_t* next = reinterpret_cast<uint32_t*>(out);
    ForEachWord(block, [&](int64_t, int64_t, int64_t, int64_t, uint32_t word) { *next++ = word; });
  }
};

}  // namespace

const Layout& RowsLayout() {
  static constexpr Rows layout{};
  return layout;
}

}  // namespace kgn
