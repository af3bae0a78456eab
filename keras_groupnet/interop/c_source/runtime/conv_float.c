/* Sums of floats with the signs of the weights. */
static void kgn_conv_float(const kgn_window* w, const kgn_epilogue* e, int32_t pad_value,
                           const float* input, const kgn_word* weights) {
  const int32_t depth = w->channels / w->groups, words = kgn_words(depth);
  const int32_t per_group = w->out_channels / w->groups;
  int32_t pixel = 0, n, oy, ox, o, ky, kx, c;
  for (n = 0; n < w->batch; ++n) {
    for (oy = 0; oy < w->out_height; ++oy) {
      for (ox = 0; ox < w->out_width; ++ox, ++pixel) {
        kgn_begin_pixel(e, pixel);
        for (o = 0; o < w->out_channels; ++o) {
          const kgn_word* kernel = weights + o * w->kernel_height * w->kernel_width * words;
          float sum = 0.0f;
          for (ky = 0; ky < w->kernel_height; ++ky) {
            const int32_t y = oy * w->stride_height - w->pad_top + ky * w->dilation_height;
            for (kx = 0; kx < w->kernel_width; ++kx, kernel += words) {
              const int32_t x = ox * w->stride_width - w->pad_left + kx * w->dilation_width;
              const int32_t inside = y >= 0 && y < w->height && x >= 0 && x < w->width;
              const float* values = input;
              if (!inside && pad_value == 0) continue;
              if (inside) {
                values +=
                    ((n * w->height + y) * w->width + x) * w->channels + o / per_group * depth;
              }
              for (c = 0; c < depth; ++c) {
                const float value = inside ? values[c] : (float)pad_value;
                sum += kernel[c / 32] >> (c % 32) & 1u ? -value : value;
              }
            }
          }
          kgn_finish(e, pixel, o, sum);
        }
      }
    }
  }
}
