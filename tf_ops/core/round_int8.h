#pragma once

#include <cstdint>

namespace kgn {

// Each value rounded half away from zero, then brought into [-128, 127]; NaN gives -128.
void RoundToInt8(const float* input, int64_t count, int8_t* output);

}  // namespace kgn
