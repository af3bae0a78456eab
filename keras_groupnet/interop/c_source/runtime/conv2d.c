/* A float convolution, weights [out_channels, kernel_height, kernel_width, channels of a group]. */
static void kgn_conv2d(const kgn_window* w, float low, float high, const float* input,
                       const float* weights, const float* bias, float* output) {
  const int32_t depth = w->channels / w->groups, per_group = w->out_channels / w->groups;
  int32_t n, oy, ox, o, ky, kx, c;
  for (n = 0; n < w->batch; ++n) {
    for (oy = 0; oy < w->out_height; ++oy) {
      for (ox = 0; ox < w->out_width; ++ox) {
        const int32_t top = oy * w->stride_height - w->pad_top;
        const int32_t left = ox * w->stride_width - w->pad_left;
        int32_t y0, y1, x0, x1;
        kgn_inside(top, w->height, w->kernel_height, w->dilation_height, &y0, &y1);
        kgn_inside(left, w->width, w->kernel_width, w->dilation_width, &x0, &x1);
        for (o = 0; o < w->out_channels; ++o) {
          float sum = bias ? bias[o] : 0.0f;
          for (ky = y0; ky < y1; ++ky) {
            for (kx = x0; kx < x1; ++kx) {
              const int32_t y = top + ky * w->dilation_height, x = left + kx * w->dilation_width;
              const float* values = input + ((n * w->height + y) * w->width + x) * w->channels +
                                    o / per_group * depth;
              const float* kernel =
                  weights + ((o * w->kernel_height + ky) * w->kernel_width + kx) * depth;
              for (c = 0; c < depth; ++c) sum += values[c] * kernel[c];
            }
          }
          *output++ = sum < low ? low : sum > high ? high : sum;
        }
      }
    }
  }
}
