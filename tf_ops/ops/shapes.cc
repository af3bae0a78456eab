#include "ops/shapes.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/bitpack.h"
#include "ops/error.h"

namespace kgn {

int PixelWords(int channels, int bits) {
  return bits == 32 ? channels : static_cast<int>(PackedWords(channels, bits));
}

int OutputExtent(const char* axis, int input, int kernel, int stride, int dilation,
                 Padding padding) {
  const int64_t output =
      input < 1 ? -1 : ConvOutputSize(input, kernel, stride, dilation, padding, nullptr);
  if (output < 1) {
    throw OpError(std::string("expected a map with room for the window. Received: ") + axis + "=" +
                  std::to_string(input) + ", window=" + std::to_string(kernel) +
                  ", dilation=" + std::to_string(dilation) +
                  (padding == Padding::kValid ? ", padding=valid" : ", padding=same"));
  }
  return static_cast<int>(output);
}

void CheckSize(const char* tensor, const Shape& shape) {
  int64_t elements = 1;
  for (int extent : shape) {
    if (extent < 0) {
      throw OpError(std::string("expected a known shape. Received: ") + tensor + " " +
                    ToString(shape));
    }
    elements *= extent;  // no overflow: both factors are below 2^31
    if (elements > std::numeric_limits<int>::max() / 4) {
      throw OpError(std::string("expected a tensor below 2^31 bytes. Received: ") + tensor + " " +
                    ToString(shape));
    }
  }
}

void ExpectShape(const char* tensor, const Shape& expected, const Shape& received) {
  const bool same = std::equal(expected.begin(), expected.end(), received.begin(), received.end(),
                               [](int e, int r) { return e == -1 ? r >= 0 : e == r; });
  if (!same) {
    throw OpError(std::string("expected ") + tensor + " of shape " + ToString(expected) +
                  ". Received: shape=" + ToString(received));
  }
}

}  // namespace kgn
