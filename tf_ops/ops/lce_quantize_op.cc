// LceQuantize of Larq Compute Engine: bit 1 iff the value is below its zero point.
#include "core/byte_signs.h"
#include "core/quantize.h"
#include "ops/error.h"
#include "ops/inputs.h"
#include "ops/make_ops.h"

namespace kgn {
namespace {

// The int8 below which a value's bit is 1; a bool's is 1 iff it is false.
int8_t Threshold(const InputSpec& input) {
  const int zero_point = input.type == ElementType::kBool ? 1 : input.quantization.zero_point;
  if (zero_point < -128 || zero_point > 127) {
    throw OpError("expected a zero point from -128 to 127. Received: zero_point=" +
                  std::to_string(zero_point));
  }
  return static_cast<int8_t>(zero_point);
}

class LceQuantizeOp : public Op {
 public:
  explicit LceQuantizeOp(const std::string& kernel) : kernel_(kernel) {}

  std::vector<OutputSpec> Prepare(const std::vector<InputSpec>& inputs, ThreadPool* pool) override {
    pool_ = pool;
    ExpectInputCount(inputs, 1, 1);
    const InputSpec& input = inputs[0];
    if (!input.present) throw OpError("expected the input (input 0), which is absent");
    is_float_ = input.type == ElementType::kFloat32;
    if (!is_float_ && input.type != ElementType::kInt8 && input.type != ElementType::kBool) {
      throw OpError(std::string("expected an input of type float32, int8 or bool. Received: ") +
                    TypeName(input.type));
    }
    Shape shape = input.shape;
    if (shape.empty() || shape.back() < 1) {
      throw OpError("expected an input [..., channels]. Received: shape=" + ToString(shape));
    }
    CheckSize("the input", shape);
    params_.channels = shape.back();
    pixels_ = 1;
    for (size_t i = 0; i + 1 < shape.size(); ++i) pixels_ *= shape[i];
    threshold_ = is_float_ ? 0 : Threshold(input);
    ThrowIfError(CheckQuantize(params_, kernel_));
    shape.back() = PixelWords(shape.back(), 1);
    return {{ElementType::kInt32, shape}};
  }

  void Run(const void* const* inputs, void* const* outputs) override {
    int32_t* output = static_cast<int32_t*>(outputs[0]);
    if (is_float_) {
      Quantize(params_, pixels_, static_cast<const float*>(inputs[0]), output, pool_, kernel_);
    } else {
      PackBytesBelow(static_cast<const int8_t*>(inputs[0]), pixels_, params_.channels, threshold_,
                     output, pool_);
    }
  }

  std::string kernel() const override { return kernel_; }

 private:
  const std::string kernel_;
  QuantizeParams params_;
  bool is_float_ = true;
  int8_t threshold_ = 0;
  int64_t pixels_ = 0;
  ThreadPool* pool_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> MakeLceQuantizeOp(const uint8_t*, size_t, const std::string& kernel) {
  return std::make_unique<LceQuantizeOp>(kernel);
}

}  // namespace kgn
