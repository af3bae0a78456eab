/* Expects the bits to be 0 before. */
static void kgn_set_code(kgn_word* pixel, int32_t channels, int32_t bits, int32_t c, int32_t code) {
  int32_t m;
  for (m = 0; m < bits; ++m) {
    pixel[m * kgn_words(channels) + c / 32] |= ((uint32_t)code >> m & 1u) << (c % 32);
  }
}

static void kgn_clear(kgn_word* pixel, int32_t channels, int32_t bits) {
  memset(pixel, 0, (size_t)(bits * kgn_words(channels)) * sizeof(*pixel));
}
