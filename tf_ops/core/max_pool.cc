#include "core/max_pool.h"

#include <algorithm>

#include "core/bitpack.h"

namespace kgn {
namespace {

// The larger of two codes, 32 channels at once: compare plane by plane from the highest, keep those
// channels where `b` is larger. The planes of `b` are read with the bits of `flip` inverted.
template <int kBits>
void MaxCode(const uint32_t* b, int64_t plane_stride, uint32_t flip, uint32_t (&a)[4]) {
  uint32_t undecided = ~0u;
  uint32_t larger = 0;
  for (int m = kBits - 1; m >= 0; --m) {
    const uint32_t other = b[m * plane_stride] ^ flip;
    larger |= undecided & other & ~a[m];
    undecided &= ~(other ^ a[m]);
  }
  for (int m = 0; m < kBits; ++m) a[m] = (a[m] & ~larger) | ((b[m * plane_stride] ^ flip) & larger);
}

struct Window {
  int64_t y0, y1, x0, x1;  // of the input, end exclusive
};

// One output pixel; `image` is the input image. Inverting all planes of a channel turns the order
// of its values round: a minimum is a maximum between two inversions.
template <int kBits>
void PoolPixel(const Window& window, int64_t width, int64_t words, const uint32_t* minimum,
               const uint32_t* image, uint32_t* out) {
  for (int64_t word = 0; word < words; ++word) {
    const uint32_t flip = minimum == nullptr ? 0 : minimum[word];
    uint32_t best[4] = {kBits == 1 ? ~0u : 0u, 0, 0, 0};
    for (int64_t y = window.y0; y < window.y1; ++y) {
      const uint32_t* in = image + (y * width + window.x0) * kBits * words + word;
      for (int64_t x = window.x0; x < window.x1; ++x, in += kBits * words) {
        if (kBits == 1) {
          best[0] &= *in ^ flip;
        } else {
          MaxCode<kBits>(in, words, flip, best);
        }
      }
    }
    for (int m = 0; m < kBits; ++m) out[m * words + word] = best[m] ^ flip;
  }
}

}  // namespace

Status CheckMaxPool(const MaxPoolParams& p, int64_t batch, int64_t height, int64_t width) {
  if (p.channels < 1 || PackedWords(p.channels, p.bits) == 0) {
    return Status::Error(
        "max pool: expected bits 1, 2 or 4 and at least one channel. Received: bits=%d, "
        "channels=%lld",
        p.bits, static_cast<long long>(p.channels));
  }
  if (p.filter_height < 1 || p.filter_width < 1 || p.stride_height < 1 || p.stride_width < 1) {
    return Status::Error(
        "max pool: filter and stride must be at least 1. Received: filter=%dx%d, stride=%dx%d",
        p.filter_height, p.filter_width, p.stride_height, p.stride_width);
  }
  if (batch < 1 ||
      ConvOutputSize(height, p.filter_height, p.stride_height, 1, p.padding, nullptr) <= 0 ||
      ConvOutputSize(width, p.filter_width, p.stride_width, 1, p.padding, nullptr) <= 0) {
    return Status::Error(
        "max pool: expected at least one image, no smaller than the filter. Received: batch=%lld, "
        "height=%lld, width=%lld",
        static_cast<long long>(batch), static_cast<long long>(height),
        static_cast<long long>(width));
  }
  return Status::Ok();
}

void MaxPool(const MaxPoolParams& p, int64_t batch, int64_t height, int64_t width,
             const int32_t* input, int32_t* output, ThreadPool* pool) {
  int64_t pad_top, pad_left;
  const int64_t out_height =
      ConvOutputSize(height, p.filter_height, p.stride_height, 1, p.padding, &pad_top);
  const int64_t out_width =
      ConvOutputSize(width, p.filter_width, p.stride_width, 1, p.padding, &pad_left);
  const int64_t words = WordsFor(p.channels);
  const auto* minimum = reinterpret_cast<const uint32_t*>(p.minimum);
  auto row = [&](int64_t task, int) {
    const uint32_t* image = reinterpret_cast<const uint32_t*>(input) +
                            task / out_height * height * width * p.bits * words;
    uint32_t* out = reinterpret_cast<uint32_t*>(output) + task * out_width * p.bits * words;
    const int64_t top = task % out_height * p.stride_height - pad_top;
    for (int64_t ox = 0; ox < out_width; ++ox, out += p.bits * words) {
      const int64_t left = ox * p.stride_width - pad_left;
      const Window window = {std::max<int64_t>(0, top), std::min(height, top + p.filter_height),
                             std::max<int64_t>(0, left), std::min(width, left + p.filter_width)};
      switch (p.bits) {
        case 1:
          PoolPixel<1>(window, width, words, minimum, image, out);
          break;
        case 2:
          PoolPixel<2>(window, width, words, minimum, image, out);
          break;
        default:
          PoolPixel<4>(window, width, words, minimum, image, out);
      }
    }
  };
  pool->ParallelFor(batch * out_height, row);
}

}  // namespace kgn
