#include "core/layout_tables.h"

#include <cstring>

namespace kgn {
namespace {

// Channels of a group whose bits fit the stack when they are brought to a word boundary; a multiple
// of every step.
constexpr int64_t kChunkChannels = 960;

}  // namespace

void TablesLayout::FillPadding(const MapFormat& map, int64_t count, char* out) const {
  const ConvParams& p = map.params;
  if (p.pad_value == 0) {
    std::memset(out, 0, static_cast<size_t>(count * map.pixel_bytes));
    return;
  }
  // All channels alike: a part of a word of ones or zeros serves all of them, chunk by chunk.
  const int64_t depth = p.channels_in / p.groups;
  uint32_t words[kChunkChannels / 32 + 1];
  std::fill_n(words, kChunkChannels / 32 + 1, p.pad_value == -1 ? ~0u : 0u);
  for (int64_t i = 0; i < count * p.groups; ++i) {
    for (int64_t c = 0; c < depth; c += kChunkChannels) {
      const int64_t channels = std::min(kChunkChannels, depth - c);
      if (channels % 32 != 0) words[channels / 32] &= (1u << (channels % 32)) - 1;
      expand_({words, 1, 0, 0, 1, channels, out + i * map.group_bytes + TablesOf(c), 0});
    }
  }
}

void TablesLayout::FillPixels(const MapFormat& map, const char* input, int64_t count, int,
                              char* out) const {
  const ConvParams& p = map.params;
  const int64_t depth = p.channels_in / p.groups;
  const int64_t pixel_words = PackedWords(p.channels_in, p.bits);
  const int64_t plane_words = WordsFor(p.channels_in);
  const uint32_t* words = reinterpret_cast<const uint32_t*>(input);
  if (p.groups == 1 || depth % 32 == 0) {
    for (int group = 0; group < p.groups; ++group) {
      expand_({words + group * (depth / 32), count, pixel_words, plane_words, p.bits, depth,
               out + group * map.group_bytes, map.pixel_bytes});
    }
    return;
  }
  for (int64_t i = 0; i < count * p.groups; ++i) {
    const uint32_t* pixel = words + i / p.groups * pixel_words;
    char* tables = out + i * map.group_bytes;
    for (int64_t c = 0; c < depth; c += kChunkChannels) {
      const int64_t channels = std::min(kChunkChannels, depth - c);
      uint32_t chunk[4][kChunkChannels / 32 + 1];
      for (int m = 0; m < p.bits; ++m)
        ExtractBits(pixel + m * plane_words, i % p.groups * depth + c, channels, chunk[m]);
      expand_({chunk[0], 1, 0, chunk[1] - chunk[0], p.bits, channels, tables + TablesOf(c), 0});
    }
  }
}

}  // namespace kgn
