/* A window that moves over a map [batch, height, width, channels]. */
typedef struct {
  int32_t batch, height, width, channels;
  int32_t out_height, out_width, out_channels;
  int32_t kernel_height, kernel_width, stride_height, stride_width;
  int32_t dilation_height, dilation_width, pad_top, pad_left, groups;
} kgn_window;
