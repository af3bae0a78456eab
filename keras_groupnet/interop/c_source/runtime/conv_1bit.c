static int32_t kgn_differing(const kgn_word* a, const kgn_word* b, int32_t words) {
  int32_t count = 0, i;
  for (i = 0; i < words; ++i) count += kgn_popcount(a[i] ^ b[i]);
  return count;
}

/* Products of +-1: taps * depth - 2 * (how many differ). With `pad_value` 0 taps outside the map do
   not count. `patch` holds one window. */
static void kgn_conv_1bit(const kgn_window* w, const kgn_epilogue* e, int32_t pad_value,
                          const kgn_word* input, const kgn_word* weights, kgn_word* patch) {
  const int32_t depth = w->channels / w->groups, words = kgn_words(depth);
  const int32_t taps = w->kernel_height * w->kernel_width;
  const int32_t per_group = w->out_channels / w->groups;
  int32_t pixel = 0, n, oy, ox, o, ky;
  for (n = 0; n < w->batch; ++n) {
    for (oy = 0; oy < w->out_height; ++oy) {
      for (ox = 0; ox < w->out_width; ++ox, ++pixel) {
        const int32_t top = oy * w->stride_height - w->pad_top;
        const int32_t left = ox * w->stride_width - w->pad_left;
        int32_t y0, y1, x0, x1;
        kgn_inside(top, w->height, w->kernel_height, w->dilation_height, &y0, &y1);
        kgn_inside(left, w->width, w->kernel_width, w->dilation_width, &x0, &x1);
        if (pad_value) y0 = x0 = 0, y1 = w->kernel_height, x1 = w->kernel_width;
        kgn_begin_pixel(e, pixel);
        for (o = 0; o < w->out_channels; ++o) {
          const kgn_word* kernel = weights + o * taps * words;
          int32_t differing = 0, counted = 0;
          if (o % per_group == 0) {
            kgn_gather(w, 1, 0, n, top, left, o / per_group, pad_value < 0 ? ~0u : 0u, input,
                       patch);
          }
          if (y1 - y0 == w->kernel_height && x1 - x0 == w->kernel_width) {
            differing = kgn_differing(patch, kernel, taps * words);
            counted = taps;
          } else {
            for (ky = y0; ky < y1 && x0 < x1; ++ky) {
              const int32_t at = (ky * w->kernel_width + x0) * words;
              differing += kgn_differing(patch + at, kernel + at, (x1 - x0) * words);
              counted += x1 - x0;
            }
          }
          kgn_finish(e, pixel, o, (float)(counted * depth - 2 * differing));
        }
      }
    }
  }
}
