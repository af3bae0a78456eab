/* The mean of |x| in each window, the sum of a pixel taken in 16 lanes. Multiplier and bias are one
   a channel, or both NULL. */
static void kgn_scale_map(const kgn_window* w, float factor, const float* input,
                          const float* multiplier, const float* bias, float* output) {
  int32_t n, oy, ox, ky, kx, c, other, i;
  for (n = 0; n < w->batch; ++n) {
    for (oy = 0; oy < w->out_height; ++oy) {
      for (ox = 0; ox < w->out_width; ++ox) {
        const int32_t top = oy * w->stride_height - w->pad_top;
        const int32_t left = ox * w->stride_width - w->pad_left;
        int32_t y0, y1, x0, x1;
        float sum = 0.0f;
        kgn_inside(top, w->height, w->kernel_height, w->dilation_height, &y0, &y1);
        kgn_inside(left, w->width, w->kernel_width, w->dilation_width, &x0, &x1);
        for (ky = y0; ky < y1; ++ky) {
          for (kx = x0; kx < x1; ++kx) {
            const int32_t y = top + ky * w->dilation_height, x = left + kx * w->dilation_width;
            const float* pixel = input + ((n * w->height + y) * w->width + x) * w->channels;
            float lanes[16] = {0.0f};
            for (c = 0; c < w->channels; ++c) {
              float value = pixel[c];
              if (multiplier) {
                value = multiplier[c] * value;
                value = value + bias[c];
              }
              lanes[c % 16] += fabsf(value);
            }
            for (other = 8; other > 0; other /= 2) {
              for (i = 0; i < other; ++i) lanes[i] += lanes[i + other];
            }
            sum += lanes[0];
          }
        }
        *output++ = sum * factor;
      }
    }
  }
}
