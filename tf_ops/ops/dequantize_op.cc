#include "core/dequantize.h"
#include "ops/error.h"
#include "ops/inputs.h"
#include "ops/make_ops.h"
#include "ops/options.h"

namespace kgn {
namespace {

class DequantizeOp : public Op {
 public:
  explicit DequantizeOp(const DequantizeOptions& options) {
    params_.bits = options.bits;
    params_.channels = options.channels;
    params_.scale = options.scale;
  }

  std::vector<OutputSpec> Prepare(const std::vector<InputSpec>& inputs, ThreadPool* pool) override {
    pool_ = pool;
    ExpectInputCount(inputs, 1, 1);
    Shape shape = RequiredInput(inputs, 0, "the input", ElementType::kInt32).shape;
    const int channels = static_cast<int>(params_.channels);
    const int words = PixelWords(channels, params_.bits);
    if (shape.empty() || shape.back() != words) {
      throw OpError("expected a packed input [..., " + std::to_string(words) +
                    "]. Received: shape=" + ToString(shape));
    }
    CheckSize("the input", shape);
    pixels_ = 1;
    for (size_t i = 0; i + 1 < shape.size(); ++i) pixels_ *= shape[i];
    ThrowIfError(CheckDequantize(params_));
    shape.back() = channels;
    return {{ElementType::kFloat32, shape}};
  }

  void Run(const void* const* inputs, void* const* outputs) override {
    Dequantize(params_, pixels_, static_cast<const int32_t*>(inputs[0]),
               static_cast<float*>(outputs[0]), pool_);
  }

  std::string kernel() const override { return ""; }

 private:
  DequantizeParams params_;
  int64_t pixels_ = 0;
  ThreadPool* pool_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> MakeDequantizeOp(const uint8_t* options, size_t size, const std::string&) {
  return std::make_unique<DequantizeOp>(ParseDequantizeOptions(options, size));
}

}  // namespace kgn
