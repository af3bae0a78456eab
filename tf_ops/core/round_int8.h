#ifndef KGN_CORE_ROUND_INT8_H_
#define KGN_CORE_ROUND_INT8_H_

#include <cstdint>

namespace kgn {

// Each value rounded half away from zero, then brought into [-128, 127]; NaN gives -128.
void RoundToInt8(const float* input, int64_t count, int8_t* output);

}  // namespace kgn

#endif  // KGN_CORE_ROUND_INT8_H_
