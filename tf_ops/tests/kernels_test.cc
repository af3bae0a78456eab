// The choice among the rows of kernels.inc.
#include "core/kernels.h"

#include <cstring>
#include <string>

#include "core/layout.h"
#include "third_party/doctest/doctest.h"

namespace {

bool RunsHere(uint32_t cpu) { return (cpu & ~kgn::CpuFeatures()) == 0; }

TEST_CASE("the best and the scalar row take the bits and run here") {
  for (int bits : {1, 2, 4, 32}) {
    CAPTURE(bits);
    const kgn::ConvKernel* best = kgn::ChooseConvKernel(bits, 64, false, "");
    REQUIRE(best != nullptr);
    CHECK((best->bits & bits) != 0);
    CHECK(RunsHere(best->cpu));
    const kgn::ConvKernel* scalar = kgn::ChooseConvKernel(bits, 64, false, "scalar");
    REQUIRE(scalar != nullptr);
    CHECK_EQ(scalar->cpu, kgn::kCpuAny);
  }
  CHECK_EQ(kgn::ChooseQuantizeKernel("scalar")->cpu, kgn::kCpuAny);
}

TEST_CASE("a row's name forces it") {
  int count = 0;
  const kgn::ConvKernel* rows = kgn::ConvKernels(&count);
  for (int bits : {1, 2, 4, 32}) {
    for (int i = 0; i < count; ++i) {
      INFO(rows[i].name, " for ", bits, " bits");
      const bool runs = RunsHere(rows[i].cpu);
      CHECK_EQ(kgn::CheckKernelName(rows[i].name).ok(), runs);
      const kgn::ConvKernel* forced = kgn::ChooseConvKernel(bits, 64, false, rows[i].name);
      INFO("gives ", forced->name);
      const bool fits = (rows[i].bits & bits) != 0 && !rows[i].layout().depthwise();
      if (runs && fits) CHECK_EQ(forced, &rows[i]);
      // A row for other bits rules the instruction set only.
      if (runs && !fits) CHECK_EQ(forced->cpu & ~rows[i].cpu & ~(rows[i].cpu - 1), 0);
    }
  }
}

TEST_CASE("rows have sizes that tiles can have, and names of their own") {
  int count = 0;
  const kgn::ConvKernel* rows = kgn::ConvKernels(&count);
  for (int i = 0; i < count; ++i) {
    CAPTURE(rows[i].name);
    CHECK_EQ(rows[i].max_block % 32, 0);
    CHECK_EQ(rows[i].max_block % rows[i].lanes, 0);
    CHECK(rows[i].max_pixels >= 1);
    CHECK(rows[i].max_pixels <= 16);
    CHECK_EQ(rows[i].best_bits & ~rows[i].bits, 0);
    for (int k = 0; k < i; ++k) CHECK_NE(std::strcmp(rows[i].name, rows[k].name), 0);
  }
}

TEST_CASE("the choice by bits and shape") {
  if ((kgn::CpuFeatures() & kgn::kCpuAvx512) != 0) {
    CHECK_EQ(kgn::ChooseConvKernel(1, 64, false, "")->cpu, kgn::kCpuAvx512);
    CHECK_EQ(kgn::ChooseConvKernel(1, 64, false, "avx2")->cpu, kgn::kCpuAvx2);
  }
  // For each instruction set that this machine has.
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
      {"popcnt", 2, 576, "conv_popcount_popcnt"}, {"popcnt", 32, 576, "conv_float_scalar"},
      {"neon", 1, 576, "conv_popcount_neon"},     {"neon", 2, 576, "conv_table_neon"},
      {"neon", 2, 0, "conv_popcount_neon"},       {"scalar", 2, 576, "conv_popcount_scalar"},
  };
  for (const auto& choice : choices) {
    if (!kgn::CheckKernelName(choice.set).ok()) continue;
    INFO(choice.set, ", ", choice.bits, " bits, ", choice.uses, " uses");
    const kgn::ConvKernel* row = kgn::ChooseConvKernel(choice.bits, choice.uses, false, choice.set);
    CHECK_EQ(std::string(row->name), choice.row);
  }
}

TEST_CASE("depthwise shapes get a depthwise row") {
  const struct {
    const char* set;
    int bits;
    const char* row;
  } choices[] = {
      {"avx512", 1, "conv_depthwise_avx2"},   {"avx512", 32, "conv_depthwise_float_avx2"},
      {"avx2", 4, "conv_depthwise_avx2"},     {"popcnt", 1, "conv_depthwise_scalar"},
      {"neon", 2, "conv_depthwise_neon"},     {"neon", 32, "conv_depthwise_float_neon"},
      {"scalar", 1, "conv_depthwise_scalar"}, {"scalar", 32, "conv_depthwise_float_scalar"},
  };
  for (const auto& choice : choices) {
    if (!kgn::CheckKernelName(choice.set).ok()) continue;
    INFO(choice.set, ", ", choice.bits, " bits");
    const kgn::ConvKernel* row = kgn::ChooseConvKernel(choice.bits, 9, true, choice.set);
    CHECK_EQ(std::string(row->name), choice.row);
  }
}

TEST_CASE("an unknown name is refused with those that there are") {
  const std::string message = kgn::CheckKernelName("sse9").message();
  CAPTURE(message);
  CHECK_NE(message.find("sse9"), std::string::npos);
  CHECK_NE(message.find("scalar"), std::string::npos);
}

}  // namespace
