/* The transpose of the convolution that `w` describes: input pixels are spread over the output
   [batch, height, width, channels], weights [channels, kernel_height, kernel_width, out_channels].
 */
static void kgn_transpose_conv2d(const kgn_window* w, float low, float high, const float* input,
                                 const float* weights, const float* bias, float* output) {
  int32_t n, y, x, o, oy, ox, c;
  for (n = 0; n < w->batch; ++n) {
    for (y = 0; y < w->height; ++y) {
      for (x = 0; x < w->width; ++x) {
        for (o = 0; o < w->channels; ++o) {
          float sum = bias ? bias[o] : 0.0f;
          for (oy = 0; oy < w->out_height; ++oy) {
            const int32_t ky = y - oy * w->stride_height + w->pad_top;
            if (ky < 0 || ky >= w->kernel_height) continue;
            for (ox = 0; ox < w->out_width; ++ox) {
              const int32_t kx = x - ox * w->stride_width + w->pad_left;
              const float *values, *kernel;
              if (kx < 0 || kx >= w->kernel_width) continue;
              values = input + ((n * w->out_height + oy) * w->out_width + ox) * w->out_channels;
              kernel =
                  weights + ((o * w->kernel_height + ky) * w->kernel_width + kx) * w->out_channels;
              for (c = 0; c < w->out_channels; ++c) sum += values[c] * kernel[c];
            }
          }
          *output++ = sum < low ? low : sum > high ? high : sum;
        }
      }
    }
  }
}
