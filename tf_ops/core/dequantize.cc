#include "core/dequantize.h"

#include <cstring>

#include "core/bitpack.h"
#include "core/spread_bits.h"

namespace kgn {
namespace {

// The +-1 of four channels by their bits.
struct Signs {
  float values[16][4];
};

constexpr Signs MakeSigns() {
  Signs signs = {};
  for (int bits = 0; bits < 16; ++bits) {
    for (int i = 0; i < 4; ++i) signs.values[bits][i] = bits >> i & 1 ? -1.0f : 1.0f;
  }
  return signs;
}

constexpr Signs kSigns = MakeSigns();

void DequantizeSigns(const DequantizeParams& params, const uint32_t* in, float* out) {
  int64_t c = 0;
  for (; c + 32 <= params.channels; c += 32) {
    const uint32_t word = *in++;
    for (int i = 0; i < 8; ++i)
      std::memcpy(out + c + 4 * i, kSigns.values[word >> (4 * i) & 15], 16);
  }
  for (; c < params.channels; ++c) out[c] = *in >> (c % 32) & 1 ? -1.0f : 1.0f;
}

void DequantizeCodes(const DequantizeParams& params, const uint32_t* in, float* out) {
  const int64_t words = WordsFor(params.channels);
  for (int64_t c = 0; c < params.channels; c += 8) {
    uint64_t bytes = 0;
    for (int m = 0; m < params.bits; ++m)
      bytes |= kSpreadBits.bytes[in[m * words + c / 32] >> (c % 32) & 255] << m;
    uint8_t codes[8];
    for (int i = 0; i < 8; ++i) codes[i] = static_cast<uint8_t>(bytes >> (8 * i));
    float values[8];
    for (int i = 0; i < 8; ++i) {
      values[i] = static_cast<float>(codes[i]) * params.scale;
    }
    if (params.channels - c >= 8) {
      std::memcpy(out + c, values, sizeof(values));
    } else {
      std::memcpy(out + c, values, 4 * static_cast<size_t>(params.channels - c));
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
  const int64_t words = PackedWords(params.channels, params.bits);
  pool->ParallelRanges(pixels, 4 * params.channels, [&](int64_t first, int64_t end) {
    for (int64_t pixel = first; pixel < end; ++pixel) {
      const uint32_t* in = reinterpret_cast<const uint32_t*>(input) + pixel * words;
      float* out = output + pixel * params.channels;
      params.bits == 1 ? DequantizeSigns(params, in, out) : DequantizeCodes(params, in, out);
    }
  });
}

}  // namespace kgn
