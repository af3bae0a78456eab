#include "tflite/profile.h"

#include <algorithm>

namespace kgn {
namespace {

void PrintLine(std::FILE* file, const Profile::Row& row, int width, int64_t total) {
  const double share = total > 0 ? 100.0 * row.nanoseconds / total : 0;
  std::fprintf(file, "%-13s %-*s %-22s %8lld %12.3f %10.4f %6.1f\n", row.op.c_str(), width,
               row.tensor.c_str(), row.kernel.c_str(), static_cast<long long>(row.calls),
               row.nanoseconds * 1e-6, row.calls > 0 ? row.nanoseconds * 1e-6 / row.calls : 0,
               share);
}

}  // namespace

Profile::Row* Profile::AddRow() {
  const std::lock_guard<std::mutex> lock(mutex_);
  rows_.emplace_back();
  return &rows_.back();
}

void Profile::Print(std::FILE* file) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  size_t width = 6;
  Row sum;
  sum.op = "all";
  for (const Row& row : rows_) {
    width = std::max(width, row.tensor.size());
    sum.calls += row.calls;
    sum.nanoseconds += row.nanoseconds;
  }
  const int columns = static_cast<int>(width);
  std::fprintf(file, "%-13s %-*s %-22s %8s %12s %10s %6s\n", "op", columns, "output", "kernel",
               "calls", "total ms", "ms/call", "%");
  for (const Row& row : rows_) PrintLine(file, row, columns, sum.nanoseconds);
  PrintLine(file, sum, columns, sum.nanoseconds);
  std::fflush(file);
}

}  // namespace kgn
