/* The largest value, or the smallest one in channels whose bit in `smallest` is set (it may be
   NULL). With 1 bit the code of -1 is 1, so that the order of codes is the other one. */
static void kgn_max_pool_packed(const kgn_window* w, int32_t bits, const kgn_word* smallest,
                                const kgn_word* input, kgn_word* output) {
  const int32_t words = bits * kgn_words(w->channels);
  int32_t n, oy, ox, ky, kx, c;
  for (n = 0; n < w->batch; ++n) {
    for (oy = 0; oy < w->out_height; ++oy) {
      for (ox = 0; ox < w->out_width; ++ox, output += words) {
        const int32_t top = oy * w->stride_height - w->pad_top;
        const int32_t left = ox * w->stride_width - w->pad_left;
        int32_t y0, y1, x0, x1;
        kgn_inside(top, w->height, w->kernel_height, 1, &y0, &y1);
        kgn_inside(left, w->width, w->kernel_width, 1, &x0, &x1);
        kgn_clear(output, w->channels, bits);
        for (c = 0; c < w->channels; ++c) {
          const int32_t flipped = smallest && (smallest[c / 32] >> (c % 32) & 1u);
          const int32_t least = flipped != (bits == 1);
          int32_t best = least ? (1 << bits) - 1 : 0;
          for (ky = y0; ky < y1; ++ky) {
            for (kx = x0; kx < x1; ++kx) {
              const int32_t at = (n * w->height + top + ky) * w->width + left + kx;
              const int32_t code = kgn_get_code(input + at * words, w->channels, bits, c);
              if (least ? code < best : code > best) best = code;
            }
          }
          kgn_set_code(output, w->channels, bits, c, best);
        }
      }
    }
  }
}
