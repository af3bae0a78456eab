/* GNU C's builtin is a call into a library where the machine has no such instruction. */
static int32_t kgn_popcount(uint32_t x) {
#if defined(__POPCNT__) || defined(__aarch64__) || defined(__riscv_zbb)
  return __builtin_popcount(x);
#else
  x = x - (x >> 1 & 0x55555555u);
  x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
  return (int32_t)(((x + (x >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24);
#endif
}
