#include "core/quantize.h"
#include "ops/error.h"
#include "ops/inputs.h"
#include "ops/make_ops.h"
#include "ops/options.h"

namespace kgn {
namespace {

class QuantizeOp : public Op {
 public:
  QuantizeOp(const QuantizeOptions& options, const std::string& kernel) : kernel_(kernel) {
    params_.bits = options.bits;
    params_.scale = options.scale;
  }

  std::vector<OutputSpec> Prepare(const std::vector<InputSpec>& inputs, ThreadPool* pool) override {
    pool_ = pool;
    ExpectInputCount(inputs, 1, 3);
    Shape shape = RequiredInput(inputs, 0, "the input", ElementType::kFloat32).shape;
    if (shape.empty() || shape.back() < 1) {
      throw OpError("expected an input [..., channels]. Received: shape=" + ToString(shape));
    }
    CheckSize("the input", shape);
    const int channels = shape.back();
    params_.channels = channels;
    pixels_ = 1;
    for (size_t i = 0; i + 1 < shape.size(); ++i) pixels_ *= shape[i];

    has_multiplier_ = HasBatchNorm(inputs, channels);
    ThrowIfError(CheckQuantize(params_, kernel_));
    shape.back() = PixelWords(channels, params_.bits);
    return {{ElementType::kInt32, shape}};
  }

  void Run(const void* const* inputs, void* const* outputs) override {
    if (has_multiplier_) {
      params_.multiplier = static_cast<const float*>(inputs[1]);
      params_.bias = static_cast<const float*>(inputs[2]);
    }
    Quantize(params_, pixels_, static_cast<const float*>(inputs[0]),
             static_cast<int32_t*>(outputs[0]), pool_, kernel_);
  }

  std::string kernel() const override { return kernel_; }

 private:
  QuantizeParams params_;
  std::string kernel_;
  int64_t pixels_ = 0;
  bool has_multiplier_ = false;
  ThreadPool* pool_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> MakeQuantizeOp(const uint8_t* options, size_t size, const std::string& kernel) {
  return std::make_unique<QuantizeOp>(ParseQuantizeOptions(options, size), kernel);
}

}  // namespace kgn
