#include "core/byte_signs.h"

#include <algorithm>
#include <cstring>

#include "core/bitpack.h"
#include "core/spread_bits.h"

namespace kgn {
namespace {

// Eight bytes of value 0 or 1 to the bits of one byte: each product moves byte i's bit to bit
// 56 + i, and no two bits meet.
uint32_t GatherBits(uint64_t bytes) {
  return static_cast<uint32_t>(bytes * 0x0102040810204080u >> 56);
}

uint32_t PackWord(const int8_t* in, int8_t threshold) {
  uint8_t below[32];
  for (int i = 0; i < 32; ++i) below[i] = in[i] < threshold;  // vectorised
  uint32_t word = 0;
  for (int i = 0; i < 4; ++i) {
    uint64_t bytes;
    std::memcpy(&bytes, below + 8 * i, 8);
    word |= GatherBits(bytes) << (8 * i);
  }
  return word;
}

void UnpackWord(uint32_t word, int8_t zero, int8_t difference, int8_t* out) {
  uint8_t bits[32];
  for (int i = 0; i < 4; ++i) {
    std::memcpy(bits + 8 * i, &kSpreadBits.bytes[word >> (8 * i) & 255], 8);
  }
  for (int i = 0; i < 32; ++i)  // vectorised
    out[i] = static_cast<int8_t>(zero + (difference & -bits[i]));
}

}  // namespace

void PackBytesBelow(const int8_t* input, int64_t pixels, int64_t channels, int8_t threshold,
                    int32_t* output, ThreadPool* pool) {
  pool->ParallelRanges(pixels, channels, [&](int64_t first, int64_t end) {
    uint32_t* out = reinterpret_cast<uint32_t*>(output) + first * WordsFor(channels);
    for (int64_t pixel = first; pixel < end; ++pixel) {
      const int8_t* in = input + pixel * channels;
      int64_t c = 0;
      for (; c + 32 <= channels; c += 32) *out++ = PackWord(in + c, threshold);
      if (c == channels) continue;
      int8_t rest[32];
      std::fill_n(rest, 32, threshold);  // not below it
      std::memcpy(rest, in + c, static_cast<size_t>(channels - c));
      *out++ = PackWord(rest, threshold);
    }
  });
}

void UnpackToBytes(const int32_t* input, int64_t pixels, int64_t channels, int8_t zero, int8_t one,
                   int8_t* output, ThreadPool* pool) {
  const int8_t difference = static_cast<int8_t>(one - zero);
  pool->ParallelRanges(pixels, channels, [&](int64_t first, int64_t end) {
    const uint32_t* in = reinterpret_cast<const uint32_t*>(input) + first * WordsFor(channels);
    for (int64_t pixel = first; pixel < end; ++pixel) {
      int8_t* out = output + pixel * channels;
      int64_t c = 0;
      for (; c + 32 <= channels; c += 32) UnpackWord(*in++, zero, difference, out + c);
      if (c == channels) continue;
      int8_t rest[32];
      UnpackWord(*in++, zero, difference, rest);
      std::memcpy(out + c, rest, static_cast<size_t>(channels - c));
    }
  });
}

}  // namespace kgn
