/* Multiplier and bias are one a channel, or both NULL. */
static void kgn_quantize(int32_t pixels, int32_t channels, int32_t bits, float scale,
                         const float* input, const float* multiplier, const float* bias,
                         kgn_word* output) {
  int32_t pixel, c;
  for (pixel = 0; pixel < pixels; ++pixel) {
    kgn_word* out = output + pixel * bits * kgn_words(channels);
    kgn_clear(out, channels, bits);
    for (c = 0; c < channels; ++c) {
      float y = input[pixel * channels + c];
      if (multiplier) {
        y = multiplier[c] * y;
        y = y + bias[c];
      }
      kgn_set_code(out, channels, bits, c, kgn_quantize_value(y, bits, scale));
    }
  }
}
