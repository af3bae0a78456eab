#include "core/kernels.h"

#include "core/layout.h"

namespace kgn {
namespace {

// Making a table must pay: the fewest uses of each input bit. Each further bit costs a popcount
// kernel one more pass, and a table nothing.
constexpr int64_t kMinTableUses = 384;

constexpr ConvKernel kConvKernels[] = {
#define KGN_LAYOUT(name)
#define KGN_CONV_KERNEL(name, ...) ConvKernel(#name, name) __VA_ARGS__,
#define KGN_QUANTIZE_KERNEL(name, cpu)
#include "core/kernels.inc"
#undef KGN_LAYOUT
#undef KGN_CONV_KERNEL
#undef KGN_QUANTIZE_KERNEL
};

constexpr QuantizeKernel kQuantizeKernels[] = {
#define KGN_LAYOUT(name)
#define KGN_CONV_KERNEL(...)
#define KGN_QUANTIZE_KERNEL(name, cpu) {#name, cpu, name},
#include "core/kernels.inc"
#undef KGN_LAYOUT
#undef KGN_CONV_KERNEL
#undef KGN_QUANTIZE_KERNEL
};

// An instruction set contains those before it in its family.
struct InstructionSet {
  const char* name;
  uint32_t cpu;      // what it needs
  uint32_t allowed;  // rows that need nothing else may run
};

const InstructionSet kInstructionSets[] = {
    {"scalar", kCpuAny, kCpuAny},
    {"popcnt", kCpuPopcnt, kCpuPopcnt},
    {"avx2", kCpuAvx2, kCpuPopcnt | kCpuAvx2},
    {"avx512", kCpuAvx512, kCpuPopcnt | kCpuAvx2 | kCpuAvx512},
    {"neon", kCpuNeon, kCpuNeon},
};

bool Runs(uint32_t needed, uint32_t available) { return (needed & ~available) == 0; }

// Features that rows may use when `name` is forced.
uint32_t AllowedFeatures(const std::string& name) {
  uint32_t needed = 0;
  bool found = false;
  for (const ConvKernel& row : kConvKernels) {
    if (name == row.name) needed = row.cpu, found = true;
  }
  for (const QuantizeKernel& row : kQuantizeKernels) {
    if (name == row.name) needed = row.cpu, found = true;
  }
  for (const InstructionSet& set : kInstructionSets) {
    if (found ? needed == set.cpu : name == set.name) return CpuFeatures() & set.allowed;
  }
  return CpuFeatures();
}

// The row called `name` if it fits, else the first that may run and is `best`.
template <typename Row, int kCount, typename Fits, typename Best>
const Row* Choose(const Row (&rows)[kCount], const std::string& name, const Fits& fits,
                  const Best& best) {
  for (const Row& row : rows) {
    if (name == row.name && fits(row) && Runs(row.cpu, CpuFeatures())) return &row;
  }
  const uint32_t allowed = AllowedFeatures(name);
  for (const Row& row : rows) {
    if (fits(row) && best(row) && Runs(row.cpu, allowed)) return &row;
  }
  return nullptr;
}

}  // namespace

uint32_t CpuFeatures() {
  static const uint32_t features = [] {
    uint32_t found = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("popcnt")) found |= kCpuPopcnt;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      found |= kCpuAvx2;
      if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
          __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vnni") &&
          __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bitalg")) {
        found |= kCpuAvx512;
      }
    }
#elif defined(__aarch64__)
    found |= kCpuNeon;
#endif
    return found;
  }();
  return features;
}

const ConvKernel* ConvKernels(int* count) {
  *count = static_cast<int>(sizeof(kConvKernels) / sizeof(kConvKernels[0]));
  return kConvKernels;
}

const QuantizeKernel* QuantizeKernels(int* count) {
  *count = static_cast<int>(sizeof(kQuantizeKernels) / sizeof(kQuantizeKernels[0]));
  return kQuantizeKernels;
}

Status CheckKernelName(const std::string& name) {
  if (name.empty()) return Status::Ok();
  std::string known;
  uint32_t needed = 0;
  bool found = false;
  const auto look = [&](const char* candidate, uint32_t cpu) {
    if (name == candidate) needed = cpu, found = true;
    if (Runs(cpu, CpuFeatures())) known += std::string(known.empty() ? "" : ", ") + candidate;
  };
  for (const InstructionSet& set : kInstructionSets) look(set.name, set.cpu);
  for (const ConvKernel& row : kConvKernels) look(row.name, row.cpu);
  for (const QuantizeKernel& row : kQuantizeKernels) look(row.name, row.cpu);
  if (found && Runs(needed, CpuFeatures())) return Status::Ok();
  return Status::Error("kernel: expected one that this machine runs (%s). Received: kernel=%s",
                       known.c_str(), name.c_str());
}

const ConvKernel* ChooseConvKernel(int bits, int64_t uses, bool depthwise,
                                   const std::string& name) {
  const auto fits = [&](const ConvKernel& row) {
    return (row.bits & bits) != 0 && (depthwise || !row.layout().depthwise());
  };
  const auto best = [&](const ConvKernel& row) {
    return (row.best_bits & bits) != 0 && uses * bits >= row.min_uses &&
           row.layout().depthwise() == depthwise;
  };
  return Choose(kConvKernels, name, fits, best);
}

const QuantizeKernel* ChooseQuantizeKernel(const std::string& name) {
  const auto any = [](const QuantizeKernel&) { return true; };
  return Choose(kQuantizeKernels, name, any, any);
}

}  // namespace kgn
