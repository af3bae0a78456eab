// LceDequantize of Larq Compute Engine: bits to +-1, as the output's type has them.
#include <algorithm>
#include <cmath>

#include "core/byte_signs.h"
#include "core/dequantize.h"
#include "ops/error.h"
#include "ops/inputs.h"
#include "ops/make_ops.h"

namespace kgn {
namespace {

class LceDequantizeOp : public Op {
 public:
  // Type and channels are nowhere but in the output.
  void Declare(const std::vector<OutputSpec>& outputs) override {
    output_ = outputs.empty() ? OutputSpec{ElementType::kOther, {}} : outputs[0];
  }

  std::vector<OutputSpec> Prepare(const std::vector<InputSpec>& inputs, ThreadPool* pool) override {
    pool_ = pool;
    ExpectInputCount(inputs, 1, 1);
    Shape shape = RequiredInput(inputs, 0, "the input", ElementType::kInt32).shape;
    SetBytes();
    const int channels = output_.shape.empty() ? 0 : output_.shape.back();
    if (channels < 1 || shape.empty() || shape.back() != PixelWords(channels, 1)) {
      throw OpError(
          "expected a packed input [..., ceil(channels / 32)] and an output [..., channels]. "
          "Received: input shape=" +
          ToString(shape) + ", output shape=" + ToString(output_.shape));
    }
    CheckSize("the input", shape);
    params_.channels = channels;
    pixels_ = 1;
    for (size_t i = 0; i + 1 < shape.size(); ++i) pixels_ *= shape[i];
    ThrowIfError(CheckDequantize(params_));
    shape.back() = channels;
    return {{output_.type, shape}};
  }

  void Run(const void* const* inputs, void* const* outputs) override {
    const auto* input = static_cast<const int32_t*>(inputs[0]);
    if (output_.type == ElementType::kFloat32) {
      Dequantize(params_, pixels_, input, static_cast<float*>(outputs[0]), pool_);
    } else {
      UnpackToBytes(input, pixels_, params_.channels, zero_, one_, static_cast<int8_t*>(outputs[0]),
                    pool_);
    }
  }

  std::string kernel() const override { return ""; }

 private:
  // The bytes for +1 and -1.
  void SetBytes() {
    if (output_.type == ElementType::kFloat32) return;
    if (output_.type == ElementType::kBool) {
      zero_ = 1;
      one_ = 0;
      return;
    }
    if (output_.type != ElementType::kInt8) {
      throw OpError(std::string("expected an output of type float32, int8 or bool. Received: ") +
                    TypeName(output_.type));
    }
    const Quantization& q = output_.quantization;
    if (!(q.scale > 0) || q.zero_point < -128 || q.zero_point > 127) {
      throw OpError(
          "expected an int8 output with a scale above 0 and a zero point from -128 to 127. "
          "Received: scale=" +
          std::to_string(q.scale) + ", zero_point=" + std::to_string(q.zero_point));
    }
    // Beyond 255 it reaches either end of int8 from any zero point.
    const int unit = static_cast<int>(std::round(std::min(1.0f / q.scale, 255.0f)));
    zero_ = static_cast<int8_t>(std::min(127, q.zero_point + unit));
    one_ = static_cast<int8_t>(std::max(-128, q.zero_point - unit));
  }

  OutputSpec output_ = {ElementType::kOther, {}};
  DequantizeParams params_;
  int8_t zero_ = 0, one_ = 0;
  int64_t pixels_ = 0;
  ThreadPool* pool_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> MakeLceDequantizeOp(const uint8_t*, size_t, const std::string&) {
  return std::make_unique<LceDequantizeOp>();
}

}  // namespace kgn
