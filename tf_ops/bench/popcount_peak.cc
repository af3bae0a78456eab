// What this core can do with bits, for benchmarks in the runtime's own process.
#include <cstdint>

#include "bench/peak_loops.h"

// Runs the bare xor and popcount loop of the best instruction set until at least `macs` products of
// +-1 are summed. Returns how many were; 0 if there is no such loop for this CPU.
extern "C" __attribute__((visibility("default"))) int64_t kgn_run_popcount_peak(int64_t macs) {
  int64_t done = 0;
  for (const kgn_bench::PeakLoop& peak : kgn_bench::PeakLoops()) {
    if (peak.bits != 1) continue;
    const int64_t once = peak.run(1);
    done = once;
    if (macs > once) done += peak.run(static_cast<int>((macs - once + once - 1) / once));
    break;
  }
  return done;
}
