// The decoder of compressed weights, fed with hostile streams: packed weights or an error. An
// input:
//   output channels, input channels of a group (a u16 each), then the words of the stream
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/bitpack.h"
#include "core/huffman.h"
#include "fuzz/byte_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kgn_fuzz::ByteReader in(data, size);
  const int64_t channels_out = in.Take<uint16_t>();
  const int64_t depth = in.Take<uint16_t>();
  // A copy of its own, so that the sanitizer sees the first byte too many.
  const size_t head = std::min<size_t>(size, 4);
  std::vector<int32_t> words((size - head) / 4);
  if (!words.empty()) std::memcpy(words.data(), data + head, 4 * words.size());

  std::vector<int32_t> weights;
  const kgn::Status status = kgn::DecodeKernels(words.data(), static_cast<int64_t>(words.size()),
                                                channels_out, depth, &weights);
  if (!status.ok()) {
    if (!weights.empty()) std::abort();
    return 0;
  }
  const int64_t row = kgn::WordsFor(depth);
  if (static_cast<int64_t>(weights.size()) != channels_out * 9 * row) std::abort();
  if (depth % 32 == 0) return 0;
  for (size_t i = static_cast<size_t>(row) - 1; i < weights.size(); i += static_cast<size_t>(row)) {
    // Bits of channels that do not exist.
    if (static_cast<uint32_t>(weights[i]) >> (depth % 32) != 0) std::abort();
  }
  return 0;
}
