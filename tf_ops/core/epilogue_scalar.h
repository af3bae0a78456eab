#pragma once

#include "core/kernels.h"

namespace kgn {

// The output transform of pixel `p` of a tile. `sums`: integers, as they come from the kernel.
void FinishScalar(const TileOutput& out, int p, const int32_t* sums);

// The same for float sums.
void FinishScalar(const TileOutput& out, int p, const float* sums);

// Clamped, half-to-even rounded code of y, or the sign bit for one bit.
int QuantizeScalar(float y, int bits, float scale);

}  // namespace kgn
