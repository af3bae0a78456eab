static void kgn_dequantize(int32_t pixels, int32_t channels, int32_t bits, float scale,
                           const kgn_word* input, float* output) {
  int32_t pixel, c;
  for (pixel = 0; pixel < pixels; ++pixel) {
    const kgn_word* in = input + pixel * bits * kgn_words(channels);
    for (c = 0; c < channels; ++c) {
      const int32_t code = kgn_get_code(in, channels, bits, c);
      output[pixel * channels + c] = bits == 1 ? (float)(1 - 2 * code) : (float)code * scale;
    }
  }
}
