// The choice among the rows of kernels.inc.
#include "core/kernels.h"

#include <cstring>
#include <string>

#include "core/layout.h"
#include "tests/check.h"

int main() {
  int count = 0;
  const kgn::ConvKernel* rows = kgn::ConvKernels(&count);
  for (int bits : {1, 2, 4, 32}) {
    const kgn::ConvKernel* best = kgn::ChooseConvKernel(bits, 64, false, "");
    CHECK(best != nullptr && (best->bits & bits) != 0 && (best->cpu & ~kgn::CpuFeatures()) == 0,
          "bits %d", bits);
    const kgn::ConvKernel* scalar = kgn::ChooseConvKernel(bits, 64, false, "scalar");
    CHECK(scalar != nullptr && scalar->cpu == kgn::kCpuAny, "bits %d", bits);
    for (int i = 0; i < count; ++i) {
      const bool runs = (rows[i].cpu & ~kgn::CpuFeatures()) == 0;
      CHECK(kgn::CheckKernelName(rows[i].name).ok() == runs, "%s", rows[i].name);
      const kgn::ConvKernel* forced = kgn::ChooseConvKernel(bits, 64, false, rows[i].name);
      const bool fits = (rows[i].bits & bits) != 0 && !rows[i].layout().depthwise();
      if (runs && fits)
        CHECK(forced == &rows[i], "%s for %d bits gives %s", rows[i].name, bits, forced->name);
      // A row for other bits rules the instruction set only.
      if (runs && !fits)
        CHECK((forced->cpu & ~rows[i].cpu & ~(rows[i].cpu - 1)) == 0, "%s gives %s", rows[i].name,
              forced->name);
    }
  }
  for (int i = 0; i < count; ++i) {
    CHECK(rows[i].max_block % 32 == 0 && rows[i].max_block % rows[i].lanes == 0 &&
              rows[i].max_pixels <= 16,
          "%s", rows[i].name);
    for (int k = 0; k < i; ++k)
      CHECK(std::strcmp(rows[i].name, rows[k].name) != 0, "%s twice", rows[i].name);
  }
  CHECK(kgn::ChooseQuantizeKernel("scalar")->cpu == kgn::kCpuAny, "scalar");
  if ((kgn::CpuFeatures() & kgn::kCpuAvx512) != 0) {
    CHECK(kgn::ChooseConvKernel(1, 64, false, "")->cpu == kgn::kCpuAvx512, "AVX-512");
    CHECK(kgn::ChooseConvKernel(1, 64, false, "avx2")->cpu == kgn::kCpuAvx2, "AVX2");
  }
  // The choice by bits and shape, for each instruction set that this machine has.
  const struct {
    const char* set;
    int bits, uses;
    const char* row;
  } choices[] = {
      {"avx512", 1, 576, "conv_popcount_avx512"}, {"avx512", 2, 576, "conv_table_avx512"},
      {"avx512", 2, 32, "conv_popcount_avx512"},  {"avx512", 4, 576, "conv_table_avx512"},
      {"avx512", 4, 0, "conv_popcount_avx512"},   {"avx512", 32, 576, "conv_float_avx512"},
      {"avx512", 32, 0, "conv_float_avx512"},     {"avx2", 1, 576, "conv_table_avx2"},
      {"avx2", 1, 0, "conv_popcount_avx2"},       {"avx2", 4, 576, "conv_table_avx2"},
      {"neon", 1, 576, "conv_popcount_neon"},     {"neon", 2, 576, "conv_table_neon"},
      {"neon", 2, 0, "conv_popcount_neon"},       {"scalar", 2, 576, "conv_popcount_scalar"},
  };
  for (const auto& choice : choices) {
    if (!kgn::CheckKernelName(choice.set).ok()) continue;
    const kgn::ConvKernel* row = kgn::ChooseConvKernel(choice.bits, choice.uses, false, choice.set);
    CHECK(std::strcmp(row->name, choice.row) == 0, "%s %d bits %d uses: %s", choice.set,
          choice.bits, choice.uses, row->name);
  }
  const std::string message = kgn::CheckKernelName("sse9").message();
  CHECK(message.find("sse9") != std::string::npos && message.find("scalar") != std::string::npos,
        "%s", message.c_str());
  return kgn_test::Finish();
}
