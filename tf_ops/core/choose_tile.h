#pragma once

// From the sizes of a tile at run time to those of a template. Without a name for its namespace, as
// each instruction set needs a copy of its own (kernels.h).
namespace kgn {
namespace {

template <int kValue>
struct Constant {
  static constexpr int value = kValue;
};

// Calls run(Constant<pixels>(), Constant<vectors>()); 1 <= pixels <= kPixels, likewise vectors. The
// largest tile, by far the most frequent one, is found first.
template <int kPixels, int kVectors, typename Run>
inline __attribute__((always_inline)) void ChooseTile(int pixels, int vectors, const Run& run) {
  if constexpr (kVectors > 1) {
    if (vectors < kVectors) return ChooseTile<kPixels, kVectors - 1>(pixels, vectors, run);
  }
  if constexpr (kPixels > 1) {
    if (pixels < kPixels) return ChooseTile<kPixels - 1, kVectors>(pixels, vectors, run);
  }
  run(Constant<kPixels>(), Constant<kVectors>());
}

}  // namespace
}  // namespace kgn
