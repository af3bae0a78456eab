/* The mean of what each window sees of the map. */
static void kgn_average_pool2d(const kgn_window* w, float low, float high, const float* input,
                               float* output) {
  int32_t n, oy, ox, c, ky, kx;
  for (n = 0; n < w->batch; ++n) {
    for (oy = 0; oy < w->out_height; ++oy) {
      for (ox = 0; ox < w->out_width; ++ox) {
        const int32_t top = oy * w->stride_height - w->pad_top;
        const int32_t left = ox * w->stride_width - w->pad_left;
        int32_t y0, y1, x0, x1;
        kgn_inside(top, w->height, w->kernel_height, 1, &y0, &y1);
        kgn_inside(left, w->width, w->kernel_width, 1, &x0, &x1);
        for (c = 0; c < w->channels; ++c) {
          float y = 0.0f;
          for (ky = y0; ky < y1; ++ky) {
            for (kx = x0; kx < x1; ++kx) {
              const int32_t at = (n * w->height + top + ky) * w->width + left + kx;
              y += input[at * w->channels + c];
            }
          }
          y = y / (float)((y1 - y0) * (x1 - x0));
          *output++ = y < low ? low : y > high ? high : y;
        }
      }
    }
  }
}
