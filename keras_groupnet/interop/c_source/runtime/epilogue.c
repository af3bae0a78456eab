/* What becomes of a sum; pointers that are NULL are left out. */
typedef struct {
  int32_t channels, pixels_per_scale, scale_channels, pre_activation, activation, out_bits;
  float low, high, out_scale;
  const float *multiplier, *bias, *pixel_scale, *addend, *addend_multiplier, *second_addend;
  const float *quantize_multiplier, *quantize_bias, *slope, *offset;
  float* float_out;
  kgn_word* packed_out;
} kgn_epilogue;

static void kgn_begin_pixel(const kgn_epilogue* e, int32_t pixel) {
  if (!e->packed_out) return;
  kgn_clear(e->packed_out + pixel * e->out_bits * kgn_words(e->channels), e->channels, e->out_bits);
}

/* Any piecewise linear activation; NaN gives the lower limit. */
static float kgn_activated(const kgn_epilogue* e, int32_t c, float y) {
  if (e->slope && y < 0.0f) y = e->slope[c] * y;
  if (e->low != -INFINITY || e->high != INFINITY) {
    y = y > e->low ? y : e->low;
    y = y < e->high ? y : e->high;
  }
  return e->offset ? y + e->offset[c] : y;
}

static void kgn_finish(const kgn_epilogue* e, int32_t pixel, int32_t c, float v) {
  const int32_t at = pixel * e->channels + c;
  float y;
  if (e->pre_activation) v = v > 0.0f ? v : 0.0f;
  if (e->pixel_scale) {
    const int32_t scale = pixel / e->pixels_per_scale * e->scale_channels;
    v = v * e->pixel_scale[e->scale_channels > 1 ? scale + c : scale];
  }
  y = e->multiplier[c] * v;
  y = y + e->bias[c];
  if (e->activation == 1) y = y > 0.0f ? y : 0.0f;
  if (e->activation == 2) y = kgn_activated(e, c, y);
  if (e->addend) {
    float addend = e->addend[at];
    if (e->addend_multiplier) addend = e->addend_multiplier[c] * addend;
    y = y + addend;
  }
  if (e->second_addend) y = y + e->second_addend[at];
  if (e->activation == 3) y = kgn_activated(e, c, y);
  if (e->float_out) e->float_out[at] = y;
  if (!e->packed_out) return;
  if (e->quantize_multiplier) {
    y = e->quantize_multiplier[c] * y;
    y = y + e->quantize_bias[c];
  }
  kgn_set_code(e->packed_out + pixel * e->out_bits * kgn_words(e->channels), e->channels,
               e->out_bits, c, kgn_quantize_value(y, e->out_bits, e->out_scale));
}
