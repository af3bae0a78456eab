#include <math.h>
#include <stdint.h>
#include <string.h>

/* A product and a sum are two roundings, on every machine: no fused multiply-add. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

/* Tensors of several types share the arena, one after the other. A compiler that reorders accesses
   by their types must be told so; these two know how, for others see their manual. */
#if defined(__GNUC__)
typedef uint32_t __attribute__((__may_alias__)) kgn_word;
typedef int32_t __attribute__((__may_alias__)) kgn_int;
#else
typedef uint32_t kgn_word;
typedef int32_t kgn_int;
#endif
