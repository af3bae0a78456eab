static int32_t kgn_get_code(const kgn_word* pixel, int32_t channels, int32_t bits, int32_t c) {
  uint32_t code = 0;
  int32_t m;
  for (m = 0; m < bits; ++m) {
    code |= (pixel[m * kgn_words(channels) + c / 32] >> (c % 32) & 1u) << m;
  }
  return (int32_t)code;
}
