/* Which taps of a window that begins at `first` are inside 0 ... size - 1: begin <= tap < end. */
static void kgn_inside(int32_t first, int32_t size, int32_t kernel, int32_t dilation,
                       int32_t* begin, int32_t* end) {
  const int32_t last = (size - first + dilation - 1) / dilation;
  *begin = first < 0 ? (-first + dilation - 1) / dilation : 0;
  *end = last < kernel ? last : kernel;
}
