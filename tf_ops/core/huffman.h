#pragma once

#include <cstdint>
#include <vector>

#include "core/status.h"

namespace kgn {

// Restores packed 3x3 weights [channels_out, 3, 3, ceil(depth / 32)] from the `word_count` words of
// a compressed stream (docs/ops.md, "Compressed weights"). `depth`: input channels of a group. On
// an error, which any stream may give, `weights` is empty.
Status DecodeKernels(const int32_t* words, int64_t word_count, int64_t channels_out, int64_t depth,
                     std::vector<int32_t>* weights);

}  // namespace kgn
