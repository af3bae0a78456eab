/* Products of codes with +-1, digit by digit: the digits of -1 weigh twice negative. Outside the
   map codes are 0. `patch` holds one window, a plane a digit. */
static void kgn_conv_codes(const kgn_window* w, const kgn_epilogue* e, int32_t bits,
                           const kgn_word* input, const kgn_word* weights, kgn_word* patch) {
  const int32_t words = w->kernel_height * w->kernel_width * kgn_words(w->channels / w->groups);
  const int32_t per_group = w->out_channels / w->groups;
  int32_t pixel = 0, all = 0, n, oy, ox, o, m, i;
  for (n = 0; n < w->batch; ++n) {
    for (oy = 0; oy < w->out_height; ++oy) {
      for (ox = 0; ox < w->out_width; ++ox, ++pixel) {
        const int32_t top = oy * w->stride_height - w->pad_top;
        const int32_t left = ox * w->stride_width - w->pad_left;
        kgn_begin_pixel(e, pixel);
        for (o = 0; o < w->out_channels; ++o) {
          const kgn_word* kernel = weights + o * words;
          int32_t negative = 0;
          if (o % per_group == 0) {
            for (all = 0, m = 0; m < bits; ++m) {
              int32_t count = 0;
              kgn_gather(w, bits, m, n, top, left, o / per_group, 0u, input, patch + m * words);
              for (i = 0; i < words; ++i) count += kgn_popcount(patch[m * words + i]);
              all += count << m;
            }
          }
          for (m = 0; m < bits; ++m) {
            int32_t count = 0;
            for (i = 0; i < words; ++i) count += kgn_popcount(patch[m * words + i] & kernel[i]);
            negative += count << m;
          }
          kgn_finish(e, pixel, o, (float)(all - 2 * negative));
        }
      }
    }
  }
}
