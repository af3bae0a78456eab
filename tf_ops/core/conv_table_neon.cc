// 1-bit weights by look-up: TBL finds the sums of 16 channels in a table of 4 inputs. Sums are
// added up as bytes for as long as they fit, then as 16 bits, then as 32. 4 pixels x 32 channels: 8
// byte sums, 16 wide sums, 4 tables, 2 index vectors.
#include <arm_neon.h>

#include "core/choose_tile.h"
#include "core/epilogue_neon.h"
#include "core/kernels.h"

namespace kgn {
namespace {

constexpr int kWideSteps = 500;  // 500 * 60 fits 16 bits

template <int kPixels, int kVectors, int kByteSteps>
void Tile(const ConvTile& tile) {
  int32_t sums[kPixels][16 * kVectors] = {};
  int8x16_t bytes[kPixels][kVectors];
  int16x8_t wide[kPixels][kVectors][2];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) {
      bytes[p][j] = vdupq_n_s8(0);
      wide[p][j][0] = wide[p][j][1] = vdupq_n_s16(0);
    }
  }
  const char* weights = tile.weights;
  int room = kByteSteps;
  int wide_steps = 0;
  for (int r = 0; r < tile.runs; ++r) {
    ptrdiff_t at = tile.run[r];
    for (int left = tile.run_steps; left > 0;) {
      const int steps = left < room ? left : room;
      for (int step = 0; step < steps; ++step, at += 16, weights += 16 * kVectors) {
        uint8x16_t w[kVectors];
#pragma GCC unroll 8
        for (int j = 0; j < kVectors; ++j)
          w[j] = vld1q_u8(reinterpret_cast<const uint8_t*>(weights) + 16 * j);
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p) {
          const int8x16_t table = vld1q_s8(reinterpret_cast<const int8_t*>(tile.pixel[p] + at));
#pragma GCC unroll 8
          for (int j = 0; j < kVectors; ++j)
            bytes[p][j] = vaddq_s8(bytes[p][j], vqtbl1q_s8(table, w[j]));
        }
      }
      left -= steps;
      room -= steps;
      const bool end = left == 0 && r == tile.runs - 1;
      if (room != 0 && !end) continue;
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
        for (int j = 0; j < kVectors; ++j) {
          wide[p][j][0] = vaddw_s8(wide[p][j][0], vget_low_s8(bytes[p][j]));
          wide[p][j][1] = vaddw_high_s8(wide[p][j][1], bytes[p][j]);
          bytes[p][j] = vdupq_n_s8(0);
        }
      }
      wide_steps += kByteSteps;
      room = kByteSteps;
      if (wide_steps + kByteSteps <= kWideSteps && !end) continue;
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 8
        for (int j = 0; j < kVectors; ++j) {
          for (int h = 0; h < 2; ++h) {
            int32_t* sum = sums[p] + 16 * j + 8 * h;
            vst1q_s32(sum, vaddw_s16(vld1q_s32(sum), vget_low_s16(wide[p][j][h])));
            vst1q_s32(sum + 4, vaddw_high_s16(vld1q_s32(sum + 4), wide[p][j][h]));
            wide[p][j][h] = vdupq_n_s16(0);
          }
        }
      }
      wide_steps = 0;
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
    const auto value = [&](int j) { return ValueOf(tile.out, p, j, vld1q_s32(sums[p] + 4 * j)); };
    FinishVectors<4 * kVectors>(tile.out, p, (tile.out.channels + 3) / 4, value);
  }
}

}  // namespace

void conv_table_neon(const ConvTile& tile) {
  const auto run = [&tile](auto byte_steps) {
    ChooseTile<4, 2>(tile.pixels, (tile.out.channels + 15) / 16,
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
