// A step is one table of 16 entries; weights are bytes [steps][lanes].
//
// A table depends on the bits of 4 channels only, so it is itself looked up: by 4 bits for 1-bit
// values, by 8 for 2-bit ones. Of 4-bit values the low and the high half have a table each, whose
// sum it is.
#include <cstdint>
#include <cstring>

#include "core/kernels.h"
#include "core/layout_tables.h"

namespace kgn {
namespace {

constexpr int kEntries = 16;
typedef int8_t Table __attribute__((vector_size(kEntries)));

// Entry i for the values of 4 channels: their sum, channel j taken negative if bit j of i is set.
constexpr int SignedSum(const int (&values)[4], int i) {
  int sum = 0;
  for (int j = 0; j < 4; ++j) sum += (i >> j & 1) != 0 ? -values[j] : values[j];
  return sum;
}

// For ±1: bit j of the index is set if channel j is -1.
struct SignTables {
  alignas(16) int8_t sums[16][kEntries];
};

constexpr SignTables MakeSignTables() {
  SignTables tables = {};
  for (int bits = 0; bits < 16; ++bits) {
    int values[4] = {};
    for (int j = 0; j < 4; ++j) values[j] = (bits >> j & 1) != 0 ? -1 : 1;
    for (int i = 0; i < kEntries; ++i)
      tables.sums[bits][i] = static_cast<int8_t>(SignedSum(values, i));
  }
  return tables;
}

// For codes 0 to 3 times kScale: bits j and 4 + j of the index are the bits of channel j.
template <int kScale>
struct CodeTables {
  alignas(16) int8_t sums[256][kEntries];
};

template <int kScale>
constexpr CodeTables<kScale> MakeCodeTables() {
  CodeTables<kScale> tables = {};
  for (int bits = 0; bits < 256; ++bits) {
    int values[4] = {};
    for (int j = 0; j < 4; ++j) values[j] = kScale * ((bits >> j & 1) + 2 * (bits >> (4 + j) & 1));
    for (int i = 0; i < kEntries; ++i)
      tables.sums[bits][i] = static_cast<int8_t>(SignedSum(values, i));
  }
  return tables;
}

constexpr SignTables kSigns = MakeSignTables();
constexpr CodeTables<1> kLow = MakeCodeTables<1>();
constexpr CodeTables<4> kHigh = MakeCodeTables<4>();

constexpr uint32_t kNibbles = 0x0f0f0f0f;

// Two planes of 32 channels as 8 indices into CodeTables: bytes 0 ... 3 of [0] are those of tables
// 0, 2, 4, 6, of [1] of tables 1, 3, 5, 7.
struct Indices {
  uint32_t of[2];
  Indices(uint32_t plane0, uint32_t plane1)
      : of{(plane0 & kNibbles) | (plane1 & kNibbles) << 4,
           (plane0 >> 4 & kNibbles) | (plane1 & ~kNibbles)} {}
  uint32_t operator[](int table) const { return of[table % 2] >> (8 * (table / 2)) & 255u; }
};

// The first `tables` (at most 8) tables of 32 channels.
template <int kBits>
inline void ExpandWord(const uint32_t* word, ptrdiff_t plane_stride, int tables, char* out) {
  if constexpr (kBits == 1) {
    for (int t = 0; t < tables; ++t)
      memcpy(out + kEntries * t, kSigns.sums[word[0] >> (4 * t) & 15u], kEntries);
  } else {
    const Indices low(word[0], word[plane_stride]);
    if constexpr (kBits == 2) {
      for (int t = 0; t < tables; ++t) memcpy(out + kEntries * t, kLow.sums[low[t]], kEntries);
    } else {
      const Indices high(word[2 * plane_stride], word[3 * plane_stride]);
      for (int t = 0; t < tables; ++t) {
        Table a, b;
        memcpy(&a, kLow.sums[low[t]], kEntries);
        memcpy(&b, kHigh.sums[high[t]], kEntries);
        a += b;
        memcpy(out + kEntries * t, &a, kEntries);
      }
    }
  }
}

template <int kBits>
void Expand(const ExpandArgs& args) {
  const int64_t words = args.channels / 32;
  const int rest = static_cast<int>(args.channels % 32);
  const int rest_tables = (rest + 3) / 4;
  for (int64_t pixel = 0; pixel < args.pixels; ++pixel) {
    const uint32_t* word = args.words + pixel * args.pixel_stride;
    char* out = args.tables + pixel * args.table_stride;
    for (int64_t i = 0; i < words; ++i, ++word, out += 8 * kEntries)
      ExpandWord<kBits>(word, args.plane_stride, 8, out);
    if (rest == 0) continue;
    ExpandWord<kBits>(word, args.plane_stride, rest_tables, out);
    if (kBits == 1 && rest % 4 != 0) {
      // Channels that do not exist have no bits, which would mean +1.
      const uint32_t bits = *word >> (rest / 4 * 4) & 15u;
      int values[4] = {};
      for (int j = 0; j < rest % 4; ++j) values[j] = (bits >> j & 1) != 0 ? -1 : 1;
      for (int i = 0; i < kEntries; ++i)
        out[(rest_tables - 1) * kEntries + i] = static_cast<char>(SignedSum(values, i));
    }
  }
}

void ExpandAny(const ExpandArgs& args) {
  switch (args.bits) {
    case 1:
      return Expand<1>(args);
    case 2:
      return Expand<2>(args);
    default:
      return Expand<4>(args);
  }
}

class Tables16 final : public TablesLayout {
 public:
  constexpr Tables16() : TablesLayout(4, kEntries, ExpandAny) {}

  int64_t WeightBytes(int64_t steps, int64_t lanes) const override { return steps * lanes; }

  void LayOut(const WeightBlock& block, char* out) const override {
    const int64_t tap_steps = TapSteps(block.depth);
    ForEachWord(block,
                [&](int64_t channel, int64_t tap, int64_t first, int64_t count, uint32_t word) {
                  for (int64_t i = 0; i < count; i += 4) {
                    out[(tap * tap_steps + (first + i) / 4) * block.lanes + channel] =
                        static_cast<char>(word >> i & 15u);
                  }
                });
  }
};

}  // namespace

const Layout& Tables16Layout() {
  static constexpr Tables16 layout{};
  return layout;
}

}  // namespace kgn
