#include "core/dequantize.h"

#include <algorithm>

#include "core/bitpack.h"

namespace kgn {
namespace {

// Pixels a task should have are this many floats.
constexpr int64_t kTaskFloats = 16 * 1024;

void DequantizePixel(const DequantizeParams& params, const uint32_t* in, float* out) {
  const int64_t words = WordsFor(params.channels);
  // The value of each code: a table, so that one loop serves all kinds.
  float values[16];
  for (int code = 0; code < 1 << params.bits; ++code) {
    values[code] =
        params.bits == 1 ? (code != 0 ? -1.0f : 1.0f) : static_cast<float>(code) * params.scale;
  }
  for (int64_t first = 0; first < params.channels; first += 32) {
    uint32_t planes[4] = {};
    for (int m = 0; m < params.bits; ++m) planes[m] = in[m * words + first / 32];
    const int64_t count = std::min<int64_t>(32, params.channels - first);
    for (int64_t i = 0; i < count; ++i) {
      const uint32_t code = (planes[0] >> i & 1u) | (planes[1] >> i & 1u) << 1 |
                            (planes[2] >> i & 1u) << 2 | (planes[3] >> i & 1u) << 3;
      out[first + i] = values[code];
    }
  }
}

}  // namespace

Status CheckDequantize(const DequantizeParams& params) {
  if (params.channels < 1 || PackedWords(params.channels, params.bits) == 0) {
    return Status::Error(
        "dequantize: expected bits 1, 2 or 4 and at least one channel. Received: bits=%d, "
        "channels=%lld",
        params.bits, static_cast<long long>(params.channels));
  }
  return Status::Ok();
}

void Dequantize(const DequantizeParams& params, int64_t pixels, const int32_t* input, float* output,
                ThreadPool* pool) {
  const int64_t most = pool->num_threads() == 1 ? 1 : 4 * pool->num_threads();
  const int64_t tasks =
      std::max<int64_t>(1, std::min({most, pixels, pixels * params.channels / kTaskFloats}));
  const int64_t words = PackedWords(params.channels, params.bits);
  auto body = [&](int64_t task, int) {
    for (int64_t pixel = pixels * task / tasks; pixel < pixels * (task + 1) / tasks; ++pixel) {
      DequantizePixel(params, reinterpret_cast<const uint32_t*>(input) + pixel * words,
                      output + pixel * params.channels);
    }
  };
  pool->ParallelFor(tasks, body);
}

}  // namespace kgn
