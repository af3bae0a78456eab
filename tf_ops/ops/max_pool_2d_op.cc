#include "core/max_pool.h"
#include "ops/error.h"
#include "ops/inputs.h"
#include "ops/make_ops.h"
#include "ops/options.h"

namespace kgn {
namespace {

class MaxPool2DOp : public Op {
 public:
  explicit MaxPool2DOp(const MaxPool2DOptions& options) {
    params_.bits = options.bits;
    params_.channels = options.channels;
    params_.filter_height = options.filter_height;
    params_.filter_width = options.filter_width;
    params_.stride_height = options.stride_height;
    params_.stride_width = options.stride_width;
    params_.padding = options.padding;
  }

  std::vector<OutputSpec> Prepare(const std::vector<InputSpec>& inputs, ThreadPool* pool) override {
    pool_ = pool;
    ExpectInputCount(inputs, 1, 1);
    shape_ = RequiredInput(inputs, 0, "the input", ElementType::kInt32).shape;
    const int words = PixelWords(static_cast<int>(params_.channels), params_.bits);
    ExpectShape("a packed input", {-1, -1, -1, words}, shape_);
    CheckSize("the input", shape_);
    const int height = OutputExtent("height", shape_[1], params_.filter_height,
                                    params_.stride_height, 1, params_.padding);
    const int width = OutputExtent("width", shape_[2], params_.filter_width, params_.stride_width,
                                   1, params_.padding);
    if (shape_[0] > 0) ThrowIfError(CheckMaxPool(params_, shape_[0], shape_[1], shape_[2]));
    return {{ElementType::kInt32, {shape_[0], height, width, words}}};
  }

  void Run(const void* const* inputs, void* const* outputs) override {
    MaxPool(params_, shape_[0], shape_[1], shape_[2], static_cast<const int32_t*>(inputs[0]),
            static_cast<int32_t*>(outputs[0]), pool_);
  }

  std::string kernel() const override { return ""; }

 private:
  MaxPoolParams params_;
  Shape shape_;
  ThreadPool* pool_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> MakeMaxPool2DOp(const uint8_t* options, size_t size, const std::string&) {
  return std::make_unique<MaxPool2DOp>(ParseMaxPool2DOptions(options, size));
}

}  // namespace kgn
