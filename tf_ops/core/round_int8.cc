#include "core/round_int8.h"

namespace kgn {

void RoundToInt8(const float* input, int64_t count, int8_t* output) {
  // Written so that compilers vectorise it.
  for (int64_t i = 0; i < count; ++i) {
    float x = input[i] > -128.0f ? input[i] : -128.0f;
    x = x < 127.0f ? x : 127.0f;
    const int32_t whole = static_cast<int32_t>(x);          // towards zero
    const float rest = x - static_cast<float>(whole);       // exact
    const int32_t up = rest >= 0.5f, down = rest <= -0.5f;  // no + 0.5, which would itself round
    output[i] = static_cast<int8_t>(whole + up - down);
  }
}

}  // namespace kgn
