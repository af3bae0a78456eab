#include "core/scale_map.h"
#include "ops/error.h"
#include "ops/inputs.h"
#include "ops/make_ops.h"
#include "ops/options.h"

namespace kgn {
namespace {

class ScaleMapOp : public Op {
 public:
  explicit ScaleMapOp(const ScaleMapParams& params) : params_(params) {}

  std::vector<OutputSpec> Prepare(const std::vector<InputSpec>& inputs, ThreadPool* pool) override {
    pool_ = pool;
    ExpectInputCount(inputs, 1, 3);
    const Shape& shape = RequiredInput(inputs, 0, "the input", ElementType::kFloat32).shape;
    ExpectShape("an input", {-1, -1, -1, -1}, shape);
    CheckSize("the input", shape);
    if (shape[3] < 1) {
      throw OpError("expected an input with channels. Received: shape=" + ToString(shape));
    }
    has_multiplier_ = HasBatchNorm(inputs, shape[3]);
    const int height =
        OutputExtent("height", shape[1], params_.kernel_height, params_.stride_height,
                     params_.dilation_height, params_.padding);
    const int width = OutputExtent("width", shape[2], params_.kernel_width, params_.stride_width,
                                   params_.dilation_width, params_.padding);
    if (shape[0] > 0) {
      ThrowIfError(map_.Reshape(params_, shape[0], shape[1], shape[2], shape[3]));
    }
    return {{ElementType::kFloat32, {shape[0], height, width, 1}}};
  }

  void Run(const void* const* inputs, void* const* outputs) override {
    map_.Run(static_cast<const float*>(inputs[0]),
             has_multiplier_ ? static_cast<const float*>(inputs[1]) : nullptr,
             has_multiplier_ ? static_cast<const float*>(inputs[2]) : nullptr,
             static_cast<float*>(outputs[0]), pool_);
  }

  std::string kernel() const override { return ""; }

 private:
  ScaleMapParams params_;
  ScaleMap map_;
  bool has_multiplier_ = false;
  ThreadPool* pool_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> MakeScaleMapOp(const uint8_t* options, size_t size, const std::string&) {
  return std::make_unique<ScaleMapOp>(ParseScaleMapOptions(options, size));
}

}  // namespace kgn
