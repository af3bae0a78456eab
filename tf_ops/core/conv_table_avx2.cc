// 1-bit weights by look-up: PSHUFB finds the sums of 32 channels in a table of 4 inputs. Sums are
// added up as bytes for as long as they fit, then as 16 bits, then as 32. 4 pixels x 64 channels.
#include <immintrin.h>

#include "core/choose_tile.h"
#include "core/epilogue_avx2.h"
#include "core/kernels.h"

namespace kgn {
namespace {

// Byte sums start at 128, so that they are unsigned. Seen as 16-bit lanes they are low + 256 *
// high: `all` adds up the lanes (modulo 2^16), `high` their upper bytes; what is missing of `low`
// is found in the end.
struct Wide {
  __m256i all, high;
};

constexpr int kWideAdds = 256;  // 256 * 255 fits 16 bits

// Adds 32 channels, `adds` additions of bytes that started at 128, to sums[32].
inline void Flush(const Wide& wide, int adds, int32_t* sums) {
  const __m256i bias = _mm256_set1_epi32(128 * adds);
  const __m256i low = _mm256_sub_epi16(wide.all, _mm256_slli_epi16(wide.high, 8));
  const __m256i a = _mm256_unpacklo_epi16(low, wide.high);  // channels 0-7, 16-23
  const __m256i b = _mm256_unpackhi_epi16(low, wide.high);  // channels 8-15, 24-31
  const __m128i parts[4] = {_mm256_castsi256_si128(a), _mm256_castsi256_si128(b),
                            _mm256_extracti128_si256(a, 1), _mm256_extracti128_si256(b, 1)};
  for (int i = 0; i < 4; ++i) {
    __m256i* sum = reinterpret_cast<__m256i*>(sums + 8 * i);
    _mm256_store_si256(sum,
                       _mm256_add_epi32(_mm256_load_si256(sum),
                                        _mm256_sub_epi32(_mm256_cvtepu16_epi32(parts[i]), bias)));
  }
}

template <int kPixels, int kVectors, int kByteSteps>
void Tile(const ConvTile& tile) {
  alignas(32) int32_t sums[kPixels][32 * kVectors] = {};
  __m256i bytes[kPixels][kVectors];
  Wide wide[kPixels][kVectors];
  const __m256i start = _mm256_set1_epi8(-128);
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) {
      bytes[p][j] = start;
      wide[p][j].all = wide[p][j].high = _mm256_setzero_si256();
    }
  }
  const char* weights = tile.weights;
  const char* pixels[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) pixels[p] = tile.pixel[p];
  int room = kByteSteps;
  int adds = 0;
  for (int r = 0; r < tile.runs; ++r) {
    ptrdiff_t at = tile.run[r];
    for (int left = tile.run_steps; left > 0;) {
      const int steps = left < room ? left : room;
      for (int step = 0; step < steps; ++step, at += 16, weights += 32 * kVectors) {
        __m256i w[kVectors];
#pragma GCC unroll 8
        for (int j = 0; j < kVectors; ++j)
          w[j] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights) + j);
#pragma GCC unroll 4
        for (int p = 0; p < kPixels; ++p) {
          const __m256i table = _mm256_broadcastsi128_si256(
              _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels[p] + at)));
#pragma GCC unroll 2
          for (int j = 0; j < kVectors; ++j)
            bytes[p][j] = _mm256_add_epi8(bytes[p][j], _mm256_shuffle_epi8(table, w[j]));
        }
      }
      left -= steps;
      room -= steps;
      const bool end = left == 0 && r == tile.runs - 1;
      if (room != 0 && !end) continue;
#pragma GCC unroll 4
      for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 2
        for (int j = 0; j < kVectors; ++j) {
          wide[p][j].all = _mm256_add_epi16(wide[p][j].all, bytes[p][j]);
          wide[p][j].high = _mm256_add_epi16(wide[p][j].high, _mm256_srli_epi16(bytes[p][j], 8));
          bytes[p][j] = start;
        }
      }
      room = kByteSteps;
      if (++adds != kWideAdds && !end) continue;
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
        for (int j = 0; j < kVectors; ++j) {
          Flush(wide[p][j], adds, sums[p] + 32 * j);
          wide[p][j].all = wide[p][j].high = _mm256_setzero_si256();
        }
      }
      adds = 0;
    }
  }
  const int vectors = (tile.out.channels + 7) / 8;
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
    for (int j = 0; j < vectors; ++j) {
      FinishVector(tile.out, p, j, j == vectors - 1,
                   _mm256_load_si256(reinterpret_cast<const __m256i*>(sums[p]) + j));
    }
  }
}

}  // namespace

void conv_table_avx2(const ConvTile& tile) {
  const auto run = [&tile](auto byte_steps) {
    ChooseTile<4, 2>(tile.pixels, (tile.out.channels + 31) / 32,
                     [&tile](auto pixels, auto vectors) {
                       Tile<pixels.value, vectors.value, decltype(byte_steps)::value>(tile);
                     });
  };
  // Bytes hold 4 * 31 = 124, 12 * 10 = 120, 60 * 2 = 120.
  switch (tile.bits) {
    case 1:
      return run(Constant<31>());
    case 2:
      return run(Constant<10>());
    default:
      return run(Constant<2>());
  }
}

}  // namespace kgn
