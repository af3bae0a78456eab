#pragma once

#include <cstdint>
#include <vector>

#include "core/kernels.h"

// Loops that do only the unavoidable work of a convolution's inner loop, operands in the
// first-level cache, nothing stored: what this core can do.
namespace kgn_bench {

struct PeakLoop {
  const char* name;
  uint32_t cpu;
  int bits;                     // of the activations
  int64_t (*run)(int repeats);  // returns the multiply-accumulates done
};

// Those that this machine runs.
std::vector<PeakLoop> PeakLoops();

}  // namespace kgn_bench

#if defined(__x86_64__)
#include "core/avx512.h"

namespace kgn_bench {

#define KGN_AVX512                                                                                 \
  __attribute__((noinline, target("avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,avx512vbmi," \
                                  "avx512vnni,avx512bitalg")))
#define KGN_AVX2 __attribute__((noinline, target("avx2")))

constexpr int kPeakSteps = 72;

struct PeakData {
  alignas(64) char weights[kPeakSteps * 256];
  alignas(64) char pixels[6][kPeakSteps * 64 + 64];
};

// The operands of a loop, by pointers that the compiler knows nothing of.
struct Operands {
  const char* weights;
  const char* pixel[6];
  int steps;
};

// One pass of a register tile over all steps. Returns something that depends on all sums.
using Pass = int64_t (*)(const Operands& operands);

template <int kRows, int kColumns, typename Vector>
inline __attribute__((always_inline)) int64_t Fold(const Vector (&sums)[kRows][kColumns]) {
  Vector total = sums[0][0];
#pragma GCC unroll 8
  for (int p = 0; p < kRows; ++p) {
#pragma GCC unroll 4
    for (int j = 0; j < kColumns; ++j) total ^= sums[p][j];
  }
  return total[0];
}

// xor, VPOPCNTD, add: 6 pixels x 64 channels.
KGN_AVX512 inline int64_t PopcountAvx512(const Operands& operands) {
  __m512i sums[6][4];
  const char* pixels[6];
  for (int p = 0; p < 6; ++p) pixels[p] = operands.pixel[p];
  for (int p = 0; p < 6; ++p) {
    for (int j = 0; j < 4; ++j) sums[p][j] = _mm512_setzero_si512();
  }
  const char* weights = operands.weights;
  const ptrdiff_t end = 4 * static_cast<ptrdiff_t>(operands.steps);
  for (ptrdiff_t at = 0; at < end; at += 4, weights += 256) {
    __m512i w[4];
    for (int j = 0; j < 4; ++j) w[j] = _mm512_load_si512(weights + 64 * j);
#pragma GCC unroll 6
    for (int p = 0; p < 6; ++p) {
      const __m512i a = _mm512_set1_epi32(*reinterpret_cast<const int*>(pixels[p] + at));
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j)
        sums[p][j] = _mm512_add_epi32(sums[p][j], _mm512_popcnt_epi32(_mm512_xor_si512(a, w[j])));
    }
  }
  return Fold(sums);
}

// VPERMB in a table of 64 entries, 6 inputs each, and byte add, widened every kWiden steps: 6
// pixels x 128 channels.
template <int kWiden>
KGN_AVX512 int64_t TableAvx512(const Operands& operands) {
  __m512i wide[6][4];
  const char* pixels[6];
  for (int p = 0; p < 6; ++p) pixels[p] = operands.pixel[p];
  for (int p = 0; p < 6; ++p) {
    for (int j = 0; j < 4; ++j) wide[p][j] = _mm512_setzero_si512();
  }
  const char* weights = operands.weights;
  for (int first = 0; first < operands.steps; first += kWiden) {
    __m512i sums[6][2];
    for (int p = 0; p < 6; ++p) {
      for (int j = 0; j < 2; ++j) sums[p][j] = _mm512_setzero_si512();
    }
    const ptrdiff_t end = 64 * static_cast<ptrdiff_t>(first + kWiden);
    for (ptrdiff_t at = 64 * static_cast<ptrdiff_t>(first); at < end; at += 64, weights += 128) {
      const __m512i w0 = _mm512_load_si512(weights);
      const __m512i w1 = _mm512_load_si512(weights + 64);
#pragma GCC unroll 6
      for (int p = 0; p < 6; ++p) {
        const __m512i table = _mm512_load_si512(pixels[p] + at);
        sums[p][0] = _mm512_add_epi8(sums[p][0], _mm512_permutexvar_epi8(w0, table));
        sums[p][1] = _mm512_add_epi8(sums[p][1], _mm512_permutexvar_epi8(w1, table));
      }
    }
#pragma GCC unroll 6
    for (int p = 0; p < 6; ++p) {
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) {
        wide[p][2 * j] = _mm512_add_epi16(wide[p][2 * j],
                                          _mm512_cvtepi8_epi16(_mm512_castsi512_si256(sums[p][j])));
        wide[p][2 * j + 1] = _mm512_add_epi16(
            wide[p][2 * j + 1], _mm512_cvtepi8_epi16(_mm512_extracti64x4_epi64(sums[p][j], 1)));
      }
    }
  }
  return Fold(wide);
}

// VPERMB in 4 tables of 16 entries, 4 inputs each, two steps added as bytes, and VPDPBUSD with
// ones: 4 pixels x 64 channels, 32 inputs a round.
KGN_AVX512 inline int64_t QuadTableAvx512(const Operands& operands) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sums[4][4];
  const char* pixels[4];
  for (int p = 0; p < 4; ++p) pixels[p] = operands.pixel[p];
  for (int p = 0; p < 4; ++p) {
    for (int j = 0; j < 4; ++j) sums[p][j] = _mm512_setzero_si512();
  }
  const char* weights = operands.weights;
  const ptrdiff_t end = 64 * static_cast<ptrdiff_t>(operands.steps);
  for (ptrdiff_t at = 0; at < end; at += 128, weights += 512) {
    __m512i w0[4], w1[4];
    for (int j = 0; j < 4; ++j) w0[j] = _mm512_load_si512(weights + 64 * j);
    for (int j = 0; j < 4; ++j) w1[j] = _mm512_load_si512(weights + 256 + 64 * j);
#pragma GCC unroll 4
    for (int p = 0; p < 4; ++p) {
      const __m512i table0 = _mm512_load_si512(pixels[p] + at);
      const __m512i table1 = _mm512_load_si512(pixels[p] + at + 64);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        const __m512i pair = _mm512_add_epi8(_mm512_permutexvar_epi8(w0[j], table0),
                                             _mm512_permutexvar_epi8(w1[j], table1));
        sums[p][j] = _mm512_dpbusd_epi32(sums[p][j], ones, pair);
      }
    }
  }
  return Fold(sums);
}

// VPDPBUSD: 4 activation codes broadcast, weights +-1 as bytes: 6 pixels x 64 channels.
KGN_AVX512 inline int64_t DotAvx512(const Operands& operands) {
  __m512i sums[6][4];
  const char* pixels[6];
  for (int p = 0; p < 6; ++p) pixels[p] = operands.pixel[p];
  for (int p = 0; p < 6; ++p) {
    for (int j = 0; j < 4; ++j) sums[p][j] = _mm512_setzero_si512();
  }
  const char* weights = operands.weights;
  const ptrdiff_t end = 4 * static_cast<ptrdiff_t>(operands.steps);
  for (ptrdiff_t at = 0; at < end; at += 4, weights += 256) {
    __m512i w[4];
    for (int j = 0; j < 4; ++j) w[j] = _mm512_load_si512(weights + 64 * j);
#pragma GCC unroll 6
    for (int p = 0; p < 6; ++p) {
      const __m512i a = _mm512_set1_epi32(*reinterpret_cast<const int*>(pixels[p] + at));
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) sums[p][j] = _mm512_dpbusd_epi32(sums[p][j], a, w[j]);
    }
  }
  return Fold(sums);
}

// xor and popcounts of nibbles from a table: 2 pixels x 32 channels, bytes summed up every 24
// steps.
KGN_AVX2 inline int64_t PopcountAvx2(const Operands& operands) {
  const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                          2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(15);
  const char* pixel0 = operands.pixel[0];
  const char* pixel1 = operands.pixel[1];
  const char* weights = operands.weights;
  __m256i wide = _mm256_setzero_si256();
  for (int first = 0; first < operands.steps; first += 24) {
    __m256i sums0[4], sums1[4];
    for (int j = 0; j < 4; ++j) sums0[j] = sums1[j] = _mm256_setzero_si256();
    for (int step = first; step < first + 24; ++step, weights += 128) {
      const __m256i a0 = _mm256_set1_epi32(reinterpret_cast<const int*>(pixel0)[step]);
      const __m256i a1 = _mm256_set1_epi32(reinterpret_cast<const int*>(pixel1)[step]);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        const __m256i w = _mm256_load_si256(reinterpret_cast<const __m256i*>(weights) + j);
        const __m256i x0 = _mm256_xor_si256(a0, w);
        const __m256i x1 = _mm256_xor_si256(a1, w);
        sums0[j] = _mm256_add_epi8(
            sums0[j],
            _mm256_add_epi8(
                _mm256_shuffle_epi8(counts, _mm256_and_si256(x0, low)),
                _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(x0, 4), low))));
        sums1[j] = _mm256_add_epi8(
            sums1[j],
            _mm256_add_epi8(
                _mm256_shuffle_epi8(counts, _mm256_and_si256(x1, low)),
                _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(x1, 4), low))));
      }
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      wide = _mm256_add_epi64(wide, _mm256_sad_epu8(sums0[j], low));
      wide = _mm256_add_epi64(wide, _mm256_sad_epu8(sums1[j], low));
    }
  }
  return wide[0];
}

// PSHUFB in a table of 16 entries, 4 inputs each, and byte add, widened every kWiden steps: 4
// pixels x 64 channels.
template <int kWiden>
KGN_AVX2 int64_t TableAvx2(const Operands& operands) {
  const char* pixels[4];
  for (int p = 0; p < 4; ++p) pixels[p] = operands.pixel[p];
  const char* weights = operands.weights;
  __m256i wide[4];
  for (int p = 0; p < 4; ++p) wide[p] = _mm256_setzero_si256();
  for (int first = 0; first < operands.steps; first += kWiden) {
    __m256i sums[4][2];
    for (int p = 0; p < 4; ++p) {
      for (int j = 0; j < 2; ++j) sums[p][j] = _mm256_setzero_si256();
    }
    const ptrdiff_t end = 16 * static_cast<ptrdiff_t>(first + kWiden);
    for (ptrdiff_t at = 16 * static_cast<ptrdiff_t>(first); at < end; at += 16, weights += 64) {
      const __m256i w0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(weights));
      const __m256i w1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(weights) + 1);
#pragma GCC unroll 4
      for (int p = 0; p < 4; ++p) {
        const __m256i table = _mm256_broadcastsi128_si256(
            _mm_load_si128(reinterpret_cast<const __m128i*>(pixels[p] + at)));
        sums[p][0] = _mm256_add_epi8(sums[p][0], _mm256_shuffle_epi8(table, w0));
        sums[p][1] = _mm256_add_epi8(sums[p][1], _mm256_shuffle_epi8(table, w1));
      }
    }
#pragma GCC unroll 4
    for (int p = 0; p < 4; ++p) {
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) {
        wide[p] =
            _mm256_add_epi16(wide[p], _mm256_cvtepi8_epi16(_mm256_castsi256_si128(sums[p][j])));
        wide[p] = _mm256_add_epi16(wide[p],
                                   _mm256_cvtepi8_epi16(_mm256_extracti128_si256(sums[p][j], 1)));
      }
    }
  }
  return wide[0][0] ^ wide[1][0] ^ wide[2][0] ^ wide[3][0];
}

// `kPass` again and again; `kMacs` are those of one step.
template <Pass kPass, int kMacs>
int64_t Repeat(int repeats) {
  static PeakData data;
  Operands operands;
  operands.weights = data.weights;
  for (int p = 0; p < 6; ++p) operands.pixel[p] = data.pixels[p];
  operands.steps = kPeakSteps;
  for (int i = 0; i < repeats; ++i) {
    const int64_t result = kPass(operands);
    asm volatile("" : : "r"(result) : "memory");
  }
  return int64_t{repeats} * kPeakSteps * kMacs;
}

}  // namespace kgn_bench
#endif

namespace kgn_bench {

inline std::vector<PeakLoop> PeakLoops() {
  std::vector<PeakLoop> all;
#if defined(__x86_64__)
  all = {
      {"popcount AVX-512", kgn::kCpuAvx512, 1, Repeat<PopcountAvx512, 6 * 64 * 32>},
      {"table AVX-512 1 bit", kgn::kCpuAvx512, 1, Repeat<TableAvx512<36>, 6 * 128 * 6>},
      {"table AVX-512 2 bits", kgn::kCpuAvx512, 2, Repeat<TableAvx512<6>, 6 * 128 * 6>},
      {"4 tables AVX-512", kgn::kCpuAvx512, 4, Repeat<QuadTableAvx512, 4 * 64 * 16>},
      {"dot AVX-512", kgn::kCpuAvx512, 4, Repeat<DotAvx512, 6 * 64 * 4>},
      {"popcount AVX2", kgn::kCpuAvx2, 1, Repeat<PopcountAvx2, 2 * 32 * 32>},
      {"table AVX2 1 bit", kgn::kCpuAvx2, 1, Repeat<TableAvx2<24>, 4 * 64 * 4>},
      {"table AVX2 2 bits", kgn::kCpuAvx2, 2, Repeat<TableAvx2<9>, 4 * 64 * 4>},
  };
#endif
  std::vector<PeakLoop> usable;
  for (const PeakLoop& peak : all) {
    if ((peak.cpu & ~kgn::CpuFeatures()) == 0) usable.push_back(peak);
  }
  return usable;
}

}  // namespace kgn_bench
