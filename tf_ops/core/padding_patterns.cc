#include "core/padding_patterns.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/bitpack.h"

namespace kgn {
namespace {

// The taps [begin, end) that lie inside the map.
using TapRange = std::pair<int64_t, int64_t>;

// Gives each position along one axis the number of its range of taps inside; returns the ranges.
std::vector<TapRange> FindPatterns(int64_t positions, int64_t stride, int64_t pad, int64_t kernel,
                                   int64_t dilation, int64_t size, std::vector<int>* pattern) {
  const auto taps_before = [&](int64_t distance) {
    return std::min(kernel, distance <= 0 ? 0 : (distance + dilation - 1) / dilation);
  };
  std::map<TapRange, int> numbers;
  std::vector<TapRange> ranges;
  pattern->resize(positions);
  for (int64_t i = 0; i < positions; ++i) {
    const int64_t start = i * stride - pad;
    const TapRange inside = {taps_before(-start), taps_before(size - start)};
    const auto added = numbers.emplace(inside, static_cast<int>(ranges.size()));
    if (added.second) ranges.push_back(inside);
    (*pattern)[i] = added.first->second;
  }
  return ranges;
}

}  // namespace

Status PaddingPatterns::Plan(const ConvParams& p, const Layout& layout, const ConvGeometry& g,
                             const PreparedWeights& weights) {
  const int64_t taps = static_cast<int64_t>(p.kernel_height) * p.kernel_width;
  const int64_t padded = weights.padded_channels;
  rows_.clear();
  corrections.clear();
  column_patterns_ = 1;
  const float all = static_cast<float>(taps * (p.channels_in / p.groups));
  corrected.assign(1, 0);
  if (!layout.counts_bits()) {
    // The kernel's sum is the dot product, all - 2 popcount for one bit; taps outside add 0.
    const bool popcount = p.sum == ConvParams::Sum::kPopcount;
    scale = popcount ? -0.5f * p.acc_scale : 1.0f;
    offsets.assign(1, popcount ? p.acc_offset + 0.5f * p.acc_scale * all : 0.0f);
    return Status::Ok();
  }
  if (p.bits != 1) {
    scale = 1;
    offsets.assign(1, 0.0f);
    corrected.assign(1, 1);
    corrections.assign(padded, 0);
    for (int64_t i = 0; i < taps * padded; ++i)
      corrections[i % padded] -= ((1 << p.bits) - 1) * weights.minus_ones[i];
    return Status::Ok();
  }
  const bool popcount = p.sum == ConvParams::Sum::kPopcount;
  scale = popcount ? p.acc_scale : -2.0f;
  offsets.assign(1, popcount ? p.acc_offset : all);
  if (p.pad_value != 0 || !g.copy) return Status::Ok();
  const auto rows = FindPatterns(g.out_height, p.stride_height, g.pad_top, p.kernel_height,
                                 p.dilation_height, g.height, &rows_);
  const auto columns = FindPatterns(g.out_width, p.stride_width, g.pad_left, p.kernel_width,
                                    p.dilation_width, g.width, &columns_);
  column_patterns_ = static_cast<int>(columns.size());
  const int64_t patterns = static_cast<int64_t>(rows.size() * columns.size());
  int64_t entries;
  if (!MultiplyChecked(patterns, padded, &entries) || entries > kMaxEntries) {
    return Status::Error("conv: the padding has too many cases. Received: kernel=%dx%d",
                         p.kernel_height, p.kernel_width);
  }
  offsets.assign(patterns, 0.0f);
  corrected.assign(patterns, 0);
  corrections.assign(entries, 0);
  // sums[ky][kx]: of the taps above and left of (ky, kx), so that any rectangle of taps is the sum
  // of four of them.
  const int64_t sums_width = p.kernel_width + 1;
  std::vector<int32_t> sums((p.kernel_height + 1) * sums_width * padded);
  const auto sums_at = [&](int64_t ky, int64_t kx) {
    return sums.data() + (ky * sums_width + kx) * padded;
  };
  for (int64_t tap = 0; tap < taps; ++tap) {
    const int64_t ky = tap / p.kernel_width, kx = tap % p.kernel_width;
    for (int64_t c = 0; c < padded; ++c) {
      sums_at(ky + 1, kx + 1)[c] = weights.minus_ones[tap * padded + c] + sums_at(ky, kx + 1)[c] +
                                   sums_at(ky + 1, kx)[c] - sums_at(ky, kx)[c];
    }
  }
  for (int64_t pattern = 0; pattern < patterns; ++pattern) {
    const TapRange y = rows[pattern / column_patterns_];
    const TapRange x = columns[pattern % column_patterns_];
    const int64_t inside = (y.second - y.first) * (x.second - x.first);
    const float counted = static_cast<float>(inside * (p.channels_in / p.groups));
    offsets[pattern] = popcount ? p.acc_offset + 0.5f * p.acc_scale * (all - counted) : counted;
    corrected[pattern] = inside < taps;
    for (int64_t c = 0; c < padded; ++c) {
      corrections[pattern * padded + c] =
          sums_at(y.second, x.second)[c] - sums_at(y.first, x.second)[c] -
          sums_at(y.second, x.first)[c] + sums_at(y.first, x.first)[c] -
          sums_at(p.kernel_height, p.kernel_width)[c];
    }
  }
  return Status::Ok();
}

}  // namespace kgn
