// LceBMaxPool2d of Larq Compute Engine: the maximum of +-1 is the "and" of the bits.
#include "core/max_pool.h"
#include "ops/error.h"
#include "ops/inputs.h"
#include "ops/make_ops.h"
#include "ops/option_reader.h"

namespace kgn {
namespace {

class LceBMaxPool2dOp : public Op {
 public:
  // Like Larq's own op it takes no notice of options that it does not know.
  explicit LceBMaxPool2dOp(OptionReader options) {
    params_.filter_height = options.Size("filter_height", kMostExtent);
    params_.filter_width = options.Size("filter_width", kMostExtent);
    params_.stride_height = options.Size("stride_height", kMostExtent);
    params_.stride_width = options.Size("stride_width", kMostExtent);
    params_.padding = static_cast<Padding>(options.OneOf("padding", {0, 1}));
  }

  std::vector<OutputSpec> Prepare(const std::vector<InputSpec>& inputs, ThreadPool* pool) override {
    pool_ = pool;
    ExpectInputCount(inputs, 1, 1);
    shape_ = RequiredInput(inputs, 0, "the input", ElementType::kInt32).shape;
    ExpectShape("a packed input", {-1, -1, -1, -1}, shape_);
    CheckSize("the input", shape_);
    params_.channels = 32 * int64_t{shape_[3]};  // or fewer: the other bits are 0 and stay so
    const int height = OutputExtent("height", shape_[1], params_.filter_height,
                                    params_.stride_height, 1, params_.padding);
    const int width = OutputExtent("width", shape_[2], params_.filter_width, params_.stride_width,
                                   1, params_.padding);
    if (shape_[0] > 0) ThrowIfError(CheckMaxPool(params_, shape_[0], shape_[1], shape_[2]));
    return {{ElementType::kInt32, {shape_[0], height, width, shape_[3]}}};
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

std::unique_ptr<Op> MakeLceBMaxPool2dOp(const uint8_t* options, size_t size, const std::string&) {
  return std::make_unique<LceBMaxPool2dOp>(OptionReader(options, size));
}

}  // namespace kgn
