#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace kgn_bench {

struct Candidate {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds;

  double Minimum() const { return *std::min_element(seconds.begin(), seconds.end()); }
  double Median() const {
    std::vector<double> sorted = seconds;
    std::nth_element(sorted.begin(), sorted.begin() + sorted.size() / 2, sorted.end());
    return sorted[sorted.size() / 2];
  }
};

inline double Time(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Candidates take turns of a few runs, so that a busy moment of the machine hits all of them; the
// first run of a turn, which finds the caches full of the others' data, is not timed.
inline void Interleave(std::vector<Candidate>* candidates, int rounds) {
  constexpr int kRunsPerTurn = 5;
  for (int round = 0; round < rounds; ++round) {
    for (Candidate& candidate : *candidates) {
      candidate.run();
      for (int run = 0; run < kRunsPerTurn; ++run) candidate.seconds.push_back(Time(candidate.run));
    }
  }
}

}  // namespace kgn_bench
