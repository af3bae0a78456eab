/* `count` <= 32 channels from channel `first` on, in the low bits of a word. */
static uint32_t kgn_channels(const kgn_word* plane, int32_t first, int32_t count) {
  const int32_t shift = first % 32;
  uint32_t word = plane[first / 32] >> shift;
  if (shift + count > 32) word |= plane[first / 32 + 1] << (32 - shift);
  return count < 32 ? word & ((1u << count) - 1u) : word;
}

/* Copies one bit plane of what a group sees of the window at (top, left), tap by tap, each one
   `words` long. Taps outside the map get the bits of `pad`. */
static void kgn_gather(const kgn_window* w, int32_t bits, int32_t plane, int32_t n, int32_t top,
                       int32_t left, int32_t group, uint32_t pad, const kgn_word* input,
                       kgn_word* patch) {
  const int32_t depth = w->channels / w->groups, words = kgn_words(depth);
  const int32_t plane_words = kgn_words(w->channels);
  int32_t ky, kx, i;
  for (ky = 0; ky < w->kernel_height; ++ky) {
    const int32_t y = top + ky * w->dilation_height;
    for (kx = 0; kx < w->kernel_width; ++kx) {
      const int32_t x = left + kx * w->dilation_width;
      const int32_t inside = y >= 0 && y < w->height && x >= 0 && x < w->width;
      const kgn_word* pixel = input;
      if (inside) {
        pixel += (((n * w->height + y) * w->width + x) * bits + plane) * plane_words;
      }
      for (i = 0; i < words; ++i) {
        const int32_t count = depth - 32 * i < 32 ? depth - 32 * i : 32;
        *patch++ = inside       ? kgn_channels(pixel, group * depth + 32 * i, count)
                   : count < 32 ? pad & ((1u << count) - 1u)
                                : pad;
      }
    }
  }
}
