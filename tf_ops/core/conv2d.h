#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "core/status.h"
#include "core/thread_pool.h"

namespace kgn {

enum class Padding { kSame = 0, kValid = 1 };

// Options of KgnConv2D (docs/ops.md). KgnDense is the same with a 1x1 kernel, stride 1 and an input
// [N, 1, 1, C].
struct ConvParams {
  int bits = 1;  // 1, 2, 4: packed input; 32: float input
  int channels_in = 0;
  int channels_out = 0;
  int groups = 1;
  int kernel_height = 1;
  int kernel_width = 1;
  int stride_height = 1;
  int stride_width = 1;
  int dilation_height = 1;
  int dilation_width = 1;
  Padding padding = Padding::kSame;
  int pad_value = 0;  // -1, 0, 1; 0 for bits 2 and 4

  // value of the accumulator: v = clamp(acc_offset + acc_scale * sum, clamp_min, clamp_max), sum
  // being what `sum` says. Defaults: v = acc. Larq Compute Engine's ops: kPopcount, acc_scale 2,
  // clamp to the activation's range.
  enum class Sum { kDotProduct, kPopcount };
  Sum sum = Sum::kDotProduct;  // kPopcount: popcount(a xor w), bits = 1 only; taps outside the map
                               // count half if pad_value = 0
  float acc_scale = 1;         // used with kPopcount
  float acc_offset = 0;        // used with kPopcount
  bool clamp = false;          // pre_activation = 1 is clamp, 0, infinity
  float clamp_min = 0;
  float clamp_max = 0;

  // Where the epilogue has an activation: a ReLU in front of the addends, or the general one
  // in front of or behind them.
  enum class Activation { kNone, kRelu, kBeforeAddends, kAfterAddends };
  Activation activation = Activation::kNone;
  float activation_min = -std::numeric_limits<float>::infinity();  // of the general one
  float activation_max = std::numeric_limits<float>::infinity();
  bool float_output = true;
  bool int8_output = false;  // y rounded half away from zero; then there is no other output
  int out_bits = 0;          // 0, 1, 2, 4
  float out_scale = 1;
};

// Constant inputs. Copied by Prepare; may be freed after it.
struct ConvWeights {
  const int32_t* weights = nullptr;  // [C_out, kh, kw, ceil(C_in / groups / 32)]
  const float* multiplier = nullptr;
  const float* bias = nullptr;
  const float* addend_multiplier = nullptr;    // null: none
  const float* quantize_multiplier = nullptr;  // null: none, then quantize_bias is null, too
  const float* quantize_bias = nullptr;
  const float* slope = nullptr;   // of the general activation; null: 1
  const float* offset = nullptr;  // likewise; null: 0
};

// Which optional run-time inputs there are.
enum class PixelScale { kNone, kPerPixel, kPerImage, kPerChannel };

// Pointers of one run; fetched anew for each.
struct ConvTensors {
  const void* input = nullptr;
  const float* pixel_scale = nullptr;  // [N, OH, OW, 1], [N, 1, 1, 1] or [N, 1, 1, C_out]
  PixelScale pixel_scale_kind = PixelScale::kNone;
  const float* addend = nullptr;         // [N, OH, OW, C_out]; null: none
  const float* second_addend = nullptr;  // likewise; only with addend
  float* float_out = nullptr;            // [N, OH, OW, C_out], if float_output
  int8_t* int8_out = nullptr;            // likewise, if int8_output
  int32_t* packed_out = nullptr;  // [N, OH, OW, out_bits * ceil(C_out / 32)], if out_bits > 0
};

// Output height / width as TensorFlow has it; -1 if there is none. `pad_before` may be null.
int64_t ConvOutputSize(int64_t input, int64_t kernel, int64_t stride, int64_t dilation,
                       Padding padding, int64_t* pad_before);

// A convolution: Prepare once (checks, lays the weights out for the kernel), Reshape when the
// input's shape changes (sizes all buffers), Run as often as wanted (allocates nothing). One Run at
// a time per object.
class Conv2D {
 public:
  Conv2D();
  ~Conv2D();
  Conv2D(Conv2D&&) noexcept;
  Conv2D& operator=(Conv2D&&) noexcept;

  // `kernel`: empty for the best one on this machine, the name of an instruction set ("scalar",
  // "avx2", "avx512", "neon", ...) or of one row of kernels.inc.
  Status Prepare(const ConvParams& params, const ConvWeights& weights,
                 const std::string& kernel = "");

  // `num_threads`: the largest number Run will see.
  Status Reshape(int64_t batch, int64_t height, int64_t width, int num_threads);
  int64_t output_height() const;
  int64_t output_width() const;

  void Run(const ConvTensors& tensors, ThreadPool* pool);

  // Name of the row of kernels.inc in use, for profiles.
  const char* kernel_name() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kgn
