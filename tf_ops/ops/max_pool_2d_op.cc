// KgnMaxPool2D, and LceBMaxPool2d of Larq Compute Engine, which is the same of 1-bit values.
#include <optional>
#include <vector>

#include "core/max_pool.h"
#include "ops/error.h"
#include "ops/inputs.h"
#include "ops/make_ops.h"
#include "ops/option_reader.h"
#include "ops/options.h"

namespace kgn {
namespace {

class MaxPool2DOp : public Op {
 public:
  // Without `channels` any number of words is welcome, and all of their bits are channels: those of
  // channels that do not exist are 0 and stay so.
  MaxPool2DOp(const MaxPoolParams& params, std::optional<int> channels, bool takes_minimum = false)
      : params_(params), channels_(channels), takes_minimum_(takes_minimum) {}

  std::vector<OutputSpec> Prepare(const std::vector<InputSpec>& inputs, ThreadPool* pool) override {
    pool_ = pool;
    ExpectInputCount(inputs, 1, takes_minimum_ ? 2 : 1);
    shape_ = RequiredInput(inputs, 0, "the input", ElementType::kInt32).shape;
    const int words = channels_ ? PixelWords(*channels_, params_.bits) : -1;
    ExpectShape("a packed input", {-1, -1, -1, words}, shape_);
    CheckSize("the input", shape_);
    params_.channels = channels_ ? *channels_ : 32 * int64_t{shape_[3]};
    params_.minimum = nullptr;
    if (const auto* minimum = OptionalInput(inputs, 1, "minimum", ElementType::kInt32)) {
      const int channel_words = shape_[3] / params_.bits;
      const auto* data =
          static_cast<const int32_t*>(ConstantData(*minimum, "minimum", {channel_words}));
      minimum_.assign(data, data + channel_words);
      params_.minimum = minimum_.data();
    }
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
  const std::optional<int> channels_;
  const bool takes_minimum_;
  std::vector<int32_t> minimum_;
  Shape shape_;
  ThreadPool* pool_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> MakeMaxPool2DOp(const uint8_t* data, size_t size, const std::string&) {
  const MaxPool2DOptions options = ParseMaxPool2DOptions(data, size);
  MaxPoolParams params;
  params.bits = options.bits;
  params.filter_height = options.filter_height;
  params.filter_width = options.filter_width;
  params.stride_height = options.stride_height;
  params.stride_width = options.stride_width;
  params.padding = options.padding;
  return std::make_unique<MaxPool2DOp>(params, options.channels, options.version >= 2);
}

// Like Larq's own op it takes no notice of options that it does not know.
std::unique_ptr<Op> MakeLceBMaxPool2dOp(const uint8_t* data, size_t size, const std::string&) {
  OptionReader options(data, size);
  MaxPoolParams params;
  params.bits = 1;
  params.filter_height = options.Size("filter_height", kMaxExtent);
  params.filter_width = options.Size("filter_width", kMaxExtent);
  params.stride_height = options.Size("stride_height", kMaxExtent);
  params.stride_width = options.Size("stride_width", kMaxExtent);
  params.padding = static_cast<Padding>(options.OneOf("padding", {0, 1}));
  return std::make_unique<MaxPool2DOp>(params, std::nullopt);
}

}  // namespace kgn
