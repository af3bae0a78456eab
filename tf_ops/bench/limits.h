#ifndef KGN_BENCH_LIMITS_H_
#define KGN_BENCH_LIMITS_H_

#include <cstdint>
#include <vector>

#include "core/kernels.h"

// Loops that do only the unavoidable work of a convolution's inner loop, operands in the
// first-level cache, nothing stored: what this core can do.
namespace kgn_bench {

struct Limit {
  const char* name;
  uint32_t cpu;
  int bits;                     // of the activations
  int64_t (*run)(int repeats);  // returns the multiply-accumulates done
};

// Those that this machine runs.
std::vector<Limit> Limits();

}  // namespace kgn_bench

#if defined(__x86_64__)
#include "core/avx512.h"

namespace kgn_bench {

#define KGN_AVX512       \
  __attribute__((target( \
      "avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,avx512vbmi,avx512vnni,avx512bitalg")))
#define KGN_AVX2 __attribute__((target("avx2")))

constexpr int kLimitSteps = 72;

struct LimitData {
  alignas(64) uint8_t weights[kLimitSteps * 256];
  alignas(64) uint8_t pixels[6][kLimitSteps * 64];
};

inline LimitData* Data() {
  static LimitData data;
  return &data;
}

inline void Keep(int64_t value) { asm volatile("" : : "r"(value) : "memory"); }

// xor, VPOPCNTD, add: 6 pixels x 64 channels.
KGN_AVX512 inline int64_t PopcountAvx512(int repeats) {
  const LimitData* data = Data();
  const uint8_t* pixels[6];
  for (int p = 0; p < 6; ++p) pixels[p] = data->pixels[p];
  for (int i = 0; i < repeats; ++i) {
    __m512i sums[6][4];
    for (int p = 0; p < 6; ++p) {
      for (int j = 0; j < 4; ++j) sums[p][j] = _mm512_setzero_si512();
    }
    const uint8_t* weights = data->weights;
    for (int64_t at = 0; at < 4 * kLimitSteps; at += 4, weights += 256) {
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
    __m512i total = _mm512_setzero_si512();
    for (int p = 0; p < 6; ++p) {
      for (int j = 0; j < 4; ++j) total = _mm512_xor_si512(total, sums[p][j]);
    }
    Keep(_mm_cvtsi128_si64(_mm512_castsi512_si128(total)));
  }
  return int64_t{repeats} * kLimitSteps * 6 * 64 * 32;
}

// VPERMB in a table of 64 entries, 6 inputs each, and byte add, widened every kWiden steps: 6
// pixels x 128 channels.
template <int kWiden>
KGN_AVX512 inline int64_t TableAvx512(int repeats) {
  const LimitData* data = Data();
  constexpr int kSteps = kLimitSteps / kWiden * kWiden;
  for (int i = 0; i < repeats; ++i) {
    __m512i wide[6][4];
    for (int p = 0; p < 6; ++p) {
      for (int j = 0; j < 4; ++j) wide[p][j] = _mm512_setzero_si512();
    }
    for (int first = 0; first < kSteps; first += kWiden) {
      __m512i sums[6][2];
#pragma GCC unroll 8
      for (int p = 0; p < 6; ++p) {
#pragma GCC unroll 4
        for (int j = 0; j < 2; ++j) sums[p][j] = _mm512_setzero_si512();
      }
      for (int step = first; step < first + kWiden; ++step) {
        __m512i w[2];
#pragma GCC unroll 4
        for (int j = 0; j < 2; ++j) w[j] = _mm512_load_si512(data->weights + 128 * step + 64 * j);
#pragma GCC unroll 6
        for (int p = 0; p < 6; ++p) {
          const __m512i table = _mm512_load_si512(data->pixels[p] + 64 * step);
#pragma GCC unroll 4
          for (int j = 0; j < 2; ++j)
            sums[p][j] = _mm512_add_epi8(sums[p][j], _mm512_permutexvar_epi8(w[j], table));
        }
      }
#pragma GCC unroll 6
      for (int p = 0; p < 6; ++p) {
#pragma GCC unroll 2
        for (int j = 0; j < 2; ++j) {
          wide[p][2 * j] = _mm512_add_epi16(
              wide[p][2 * j], _mm512_cvtepi8_epi16(_mm512_castsi512_si256(sums[p][j])));
          wide[p][2 * j + 1] = _mm512_add_epi16(
              wide[p][2 * j + 1], _mm512_cvtepi8_epi16(_mm512_extracti64x4_epi64(sums[p][j], 1)));
        }
      }
    }
    __m512i total = _mm512_setzero_si512();
    for (int p = 0; p < 6; ++p) {
      for (int j = 0; j < 4; ++j) total = _mm512_xor_si512(total, wide[p][j]);
    }
    Keep(_mm_cvtsi128_si64(_mm512_castsi512_si128(total)));
  }
  return int64_t{repeats} * kSteps * 6 * 128 * 6;
}

// VPERMB in 4 tables of 16 entries, 4 inputs each, and VPDPBUSD with ones: 6 pixels x 64 channels,
// 16 inputs a step.
KGN_AVX512 inline int64_t QuadTableAvx512(int repeats) {
  const LimitData* data = Data();
  const __m512i ones = _mm512_set1_epi8(1);
  const uint8_t* pixels[6];
  for (int p = 0; p < 6; ++p) pixels[p] = data->pixels[p];
  for (int i = 0; i < repeats; ++i) {
    __m512i sums[6][4];
    for (int p = 0; p < 6; ++p) {
      for (int j = 0; j < 4; ++j) sums[p][j] = _mm512_setzero_si512();
    }
    const uint8_t* weights = data->weights;
    for (int64_t at = 0; at < 64 * kLimitSteps; at += 64, weights += 256) {
      __m512i w[4];
      for (int j = 0; j < 4; ++j) w[j] = _mm512_load_si512(weights + 64 * j);
#pragma GCC unroll 6
      for (int p = 0; p < 6; ++p) {
        const __m512i table = _mm512_load_si512(pixels[p] + at);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j)
          sums[p][j] = _mm512_dpbusd_epi32(sums[p][j], ones, _mm512_permutexvar_epi8(w[j], table));
      }
    }
    __m512i total = _mm512_setzero_si512();
    for (int p = 0; p < 6; ++p) {
      for (int j = 0; j < 4; ++j) total = _mm512_xor_si512(total, sums[p][j]);
    }
    Keep(_mm_cvtsi128_si64(_mm512_castsi512_si128(total)));
  }
  return int64_t{repeats} * kLimitSteps * 6 * 64 * 16;
}

// VPDPBUSD: activation codes broadcast by fours, weights +-1 as bytes: 6 pixels x 64 channels.
KGN_AVX512 inline int64_t DotAvx512(int repeats) {
  const LimitData* data = Data();
  const uint8_t* pixels[6];
  for (int p = 0; p < 6; ++p) pixels[p] = data->pixels[p];
  for (int i = 0; i < repeats; ++i) {
    __m512i sums[6][4];
    for (int p = 0; p < 6; ++p) {
      for (int j = 0; j < 4; ++j) sums[p][j] = _mm512_setzero_si512();
    }
    const uint8_t* weights = data->weights;
    for (int64_t at = 0; at < 4 * kLimitSteps; at += 4, weights += 256) {
      __m512i w[4];
      for (int j = 0; j < 4; ++j) w[j] = _mm512_load_si512(weights + 64 * j);
#pragma GCC unroll 6
      for (int p = 0; p < 6; ++p) {
        const __m512i a = _mm512_set1_epi32(*reinterpret_cast<const int*>(pixels[p] + at));
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) sums[p][j] = _mm512_dpbusd_epi32(sums[p][j], a, w[j]);
      }
    }
    __m512i total = _mm512_setzero_si512();
    for (int p = 0; p < 6; ++p) {
      for (int j = 0; j < 4; ++j) total = _mm512_xor_si512(total, sums[p][j]);
    }
    Keep(_mm_cvtsi128_si64(_mm512_castsi512_si128(total)));
  }
  return int64_t{repeats} * kLimitSteps * 6 * 64 * 4;
}

// xor and popcounts of nibbles from a table: 2 pixels x 32 channels, bytes widened every 31 steps.
KGN_AVX2 inline int64_t PopcountAvx2(int repeats) {
  const LimitData* data = Data();
  const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                          2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(15);
  constexpr int kSteps = 62;
  for (int i = 0; i < repeats; ++i) {
    __m256i sums[2][4], total = _mm256_setzero_si256();
    for (int first = 0; first < kSteps; first += 31) {
      for (int p = 0; p < 2; ++p) {
        for (int j = 0; j < 4; ++j) sums[p][j] = _mm256_setzero_si256();
      }
      for (int step = first; step < first + 31; ++step) {
        __m256i a[2];
        for (int p = 0; p < 2; ++p)
          a[p] = _mm256_set1_epi32(reinterpret_cast<const int*>(data->pixels[p])[step]);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
          const __m256i w = _mm256_load_si256(
              reinterpret_cast<const __m256i*>(data->weights + 128 * step + 32 * j));
#pragma GCC unroll 2
          for (int p = 0; p < 2; ++p) {
            const __m256i x = _mm256_xor_si256(a[p], w);
            const __m256i n0 = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, low));
            const __m256i n1 =
                _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(x, 4), low));
            sums[p][j] = _mm256_add_epi8(sums[p][j], _mm256_add_epi8(n0, n1));
          }
        }
      }
      for (int p = 0; p < 2; ++p) {
        for (int j = 0; j < 4; ++j)
          total = _mm256_add_epi64(total, _mm256_sad_epu8(sums[p][j], _mm256_setzero_si256()));
      }
    }
    Keep(_mm_cvtsi128_si64(_mm256_castsi256_si128(total)));
  }
  return int64_t{repeats} * kSteps * 2 * 32 * 32;
}

// PSHUFB in a table of 16 entries, 4 inputs each, and byte add, widened every kWiden steps: 4
// pixels x 64 channels.
template <int kWiden>
KGN_AVX2 inline int64_t TableAvx2(int repeats) {
  const LimitData* data = Data();
  constexpr int kSteps = kLimitSteps / kWiden * kWiden;
  for (int i = 0; i < repeats; ++i) {
    __m256i total[4];
    for (__m256i& sum : total) sum = _mm256_setzero_si256();
    for (int first = 0; first < kSteps; first += kWiden) {
      __m256i sums[4][2];
#pragma GCC unroll 8
      for (int p = 0; p < 4; ++p) {
#pragma GCC unroll 4
        for (int j = 0; j < 2; ++j) sums[p][j] = _mm256_setzero_si256();
      }
      for (int step = first; step < first + kWiden; ++step) {
        const __m256i* w = reinterpret_cast<const __m256i*>(data->weights + 64 * step);
#pragma GCC unroll 4
        for (int p = 0; p < 4; ++p) {
          const __m256i table = _mm256_broadcastsi128_si256(
              _mm_load_si128(reinterpret_cast<const __m128i*>(data->pixels[p] + 16 * step)));
#pragma GCC unroll 4
          for (int j = 0; j < 2; ++j)
            sums[p][j] =
                _mm256_add_epi8(sums[p][j], _mm256_shuffle_epi8(table, _mm256_load_si256(w + j)));
        }
      }
#pragma GCC unroll 6
      for (int p = 0; p < 4; ++p) {
#pragma GCC unroll 2
        for (int j = 0; j < 2; ++j) {
          const __m256i wide =
              _mm256_add_epi16(_mm256_cvtepi8_epi16(_mm256_castsi256_si128(sums[p][j])),
                               _mm256_cvtepi8_epi16(_mm256_extracti128_si256(sums[p][j], 1)));
          total[p] = _mm256_add_epi16(total[p], wide);
        }
      }
    }
    Keep(_mm_cvtsi128_si64(_mm256_castsi256_si128(_mm256_xor_si256(
        _mm256_xor_si256(total[0], total[1]), _mm256_xor_si256(total[2], total[3])))));
  }
  return int64_t{repeats} * kSteps * 4 * 64 * 4;
}

}  // namespace kgn_bench
#endif

namespace kgn_bench {

inline std::vector<Limit> Limits() {
  std::vector<Limit> all;
#if defined(__x86_64__)
  all = {
      {"popcount AVX-512", kgn::kCpuAvx512, 1, PopcountAvx512},
      {"table AVX-512 1 bit", kgn::kCpuAvx512, 1, TableAvx512<36>},
      {"table AVX-512 2 bits", kgn::kCpuAvx512, 2, TableAvx512<6>},
      {"4 tables AVX-512", kgn::kCpuAvx512, 4, QuadTableAvx512},
      {"dot AVX-512", kgn::kCpuAvx512, 4, DotAvx512},
      {"popcount AVX2", kgn::kCpuAvx2, 1, PopcountAvx2},
      {"table AVX2 1 bit", kgn::kCpuAvx2, 1, TableAvx2<24>},
      {"table AVX2 2 bits", kgn::kCpuAvx2, 2, TableAvx2<9>},
  };
#endif
  std::vector<Limit> usable;
  for (const Limit& limit : all) {
    if ((limit.cpu & ~kgn::CpuFeatures()) == 0) usable.push_back(limit);
  }
  return usable;
}

}  // namespace kgn_bench

#endif  // KGN_BENCH_LIMITS_H_
