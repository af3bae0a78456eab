/* Half to even; NaN gives code 0, and +1 with 1 bit. */
static int32_t kgn_quantize_value(float y, int32_t bits, float scale) {
  const float largest = (float)((1 << bits) - 1);
  float code;
  if (bits == 1) return y < 0.0f;
  code = rintf(y * scale);
  if (!(code > 0.0f)) return 0;
  return (int32_t)(code < largest ? code : largest);
}
