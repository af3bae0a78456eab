#include "core/layout_packed.h"

#include <cstring>

namespace kgn {

void PackedLayout::FillPadding(const MapFormat& map, int64_t count, char* out) const {
  const ConvParams& p = map.params;
  if (p.bits != 1 || p.pad_value != -1) {
    std::memset(out, 0, static_cast<size_t>(count * map.pixel_bytes));
    return;
  }
  const int64_t depth = p.channels_in / p.groups;
  const int64_t words = WordsFor(depth);
  uint32_t* word = reinterpret_cast<uint32_t*>(out);
  for (int64_t i = 0; i < count * map.pixel_bytes / 4; ++i) {
    const bool last = i % words == words - 1;
    word[i] = last && depth % 32 != 0 ? (1u << (depth % 32)) - 1 : ~0u;
  }
}

void PackedLayout::FillPixels(const MapFormat& map, const char* input, int64_t count, int plane,
                              char* out) const {
  const ConvParams& p = map.params;
  const int64_t depth = p.channels_in / p.groups;
  const bool regroup = p.groups > 1 && depth % 32 != 0;
  if (p.bits == 1 && !regroup) {
    std::memcpy(out, input, static_cast<size_t>(count * map.pixel_bytes));
    return;
  }
  const int64_t plane_words = WordsFor(p.channels_in);
  const uint32_t* words = reinterpret_cast<const uint32_t*>(input) + plane * plane_words;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t* to = reinterpret_cast<uint32_t*>(out + i * map.pixel_bytes);
    if (!regroup) {
      for (int64_t word = 0; word < plane_words; ++word) to[word] = words[word];
    } else {
      for (int group = 0; group < p.groups; ++group)
        ExtractBits(words, group * depth, depth, to + group * WordsFor(depth));
    }
    words += p.bits * plane_words;
  }
}

}  // namespace kgn
