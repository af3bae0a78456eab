#pragma once

#include <cstdint>

#include "core/thread_pool.h"

// Packed signs (bitpack.h) of tensors with one byte a value: int8 and bool.
namespace kgn {

// Bytes [pixels, channels] -> packed: bit 1 iff the byte, as int8, is below `threshold`.
void PackBytesBelow(const int8_t* input, int64_t pixels, int64_t channels, int8_t threshold,
                    int32_t* output, ThreadPool* pool);

// Packed -> bytes [pixels, channels]: `zero` where the bit is 0, `one` where it is 1.
void UnpackToBytes(const int32_t* input, int64_t pixels, int64_t channels, int8_t zero, int8_t one,
                   int8_t* output, ThreadPool* pool);

}  // namespace kgn
