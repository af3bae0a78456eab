// LceBconv2d of Larq Compute Engine: a binary convolution with float, int8 or packed output.
//
// Larq counts the bits that differ, p, and lets the activation clamp x = 2 p. All its outputs are
// outputs of core's Conv2D with other constants:
//   float   y = x * -multiplier + (bias + K * multiplier), K being the products of a sum
//   int8    the same over the output's scale, plus its zero point, rounded half away from zero
//   packed  bit = p > threshold, which is threshold - p < 0
#include <algorithm>

#include "core/conv2d.h"
#include "ops/error.h"
#include "ops/inputs.h"
#include "ops/make_ops.h"
#include "ops/option_reader.h"

namespace kgn {
namespace {

// TFLite's ActivationFunctionType.
enum Activation { kNone = 0, kRelu = 1, kReluN1To1 = 2, kRelu6 = 3 };

class LceBconv2dOp : public Op {
 public:
  // Like Larq's own op it takes no notice of options that it does not know.
  LceBconv2dOp(OptionReader options, const std::string& kernel) : kernel_(kernel) {
    params_.bits = 1;
    params_.sum = ConvParams::Sum::kPopcount;
    params_.channels_in = options.Size("channels_in", kMaxChannels);
    params_.stride_height = options.Size("stride_height", kMaxExtent);
    params_.stride_width = options.Size("stride_width", kMaxExtent);
    params_.dilation_height = options.Size("dilation_height_factor", kMaxExtent);
    params_.dilation_width = options.Size("dilation_width_factor", kMaxExtent);
    params_.padding = static_cast<Padding>(options.OneOf("padding", {0, 1}));
    params_.pad_value = options.OneOf("pad_values", {0, 1});
    activation_ = options.OneOf("fused_activation_function", {kNone, kRelu, kReluN1To1, kRelu6});
  }

  // The output's type decides what is computed.
  void Declare(const std::vector<OutputSpec>& outputs) override {
    output_ = outputs.empty() ? OutputSpec{ElementType::kOther, {}} : outputs[0];
  }

  std::vector<OutputSpec> Prepare(const std::vector<InputSpec>& inputs, ThreadPool* pool) override {
    pool_ = pool;
    ExpectInputCount(inputs, 5, 5);
    PrepareWeights(inputs);
    const Shape& input = RequiredInput(inputs, 0, "the input", ElementType::kInt32).shape;
    ExpectShape("the input", {-1, -1, -1, PixelWords(params_.channels_in, 1)}, input);
    CheckSize("the input", input);
    const int height =
        OutputExtent("height", input[1], params_.kernel_height, params_.stride_height,
                     params_.dilation_height, params_.padding);
    const int width = OutputExtent("width", input[2], params_.kernel_width, params_.stride_width,
                                   params_.dilation_width, params_.padding);
    Shape shape = {input[0], height, width, params_.channels_out};
    CheckSize("the output", shape);
    if (input[0] > 0)
      ThrowIfError(conv_.Reshape(input[0], input[1], input[2], pool->num_threads()));
    if (output_.type == ElementType::kInt32) shape[3] = PixelWords(params_.channels_out, 1);
    return {{output_.type, shape}};
  }

  void Run(const void* const* inputs, void* const* outputs) override {
    ConvTensors tensors;
    tensors.input = inputs[0];
    tensors.float_out = params_.float_output ? static_cast<float*>(outputs[0]) : nullptr;
    tensors.int8_out = params_.int8_output ? static_cast<int8_t*>(outputs[0]) : nullptr;
    tensors.packed_out = params_.out_bits > 0 ? static_cast<int32_t*>(outputs[0]) : nullptr;
    conv_.Run(tensors, pool_);
  }

  std::string kernel() const override { return conv_.kernel_name(); }

 private:
  // Fills params_ and lays the weights out for the kernel. They are constant: unless a damaged
  // graph gives them another shape, once is enough.
  void PrepareWeights(const std::vector<InputSpec>& inputs) {
    const InputSpec& filter = RequiredInput(inputs, 1, "the filter", ElementType::kInt32);
    if (!prepared_shape_.empty() && filter.shape == prepared_shape_) return;
    prepared_shape_.clear();

    ConvWeights weights;
    weights.weights =
        static_cast<const int32_t*>(ConstantData(filter, "the filter", {-1, -1, -1, -1}));
    const Shape& shape = filter.shape;
    params_.channels_out = shape[0];
    params_.kernel_height = shape[1];
    params_.kernel_width = shape[2];
    params_.groups = Groups(shape);

    std::vector<float> multiplier, bias;
    params_.out_bits = output_.type == ElementType::kInt32 ? 1 : 0;
    params_.float_output = output_.type == ElementType::kFloat32;
    params_.int8_output = output_.type == ElementType::kInt8;
    if (params_.out_bits > 0) {
      SetThresholds(inputs, &multiplier, &bias);
    } else if (params_.float_output || params_.int8_output) {
      SetTransform(inputs, &multiplier, &bias);
    } else {
      throw OpError(std::string("expected an output of type float32, int8 or int32. Received: ") +
                    TypeName(output_.type));
    }
    weights.multiplier = multiplier.data();
    weights.bias = bias.data();
    ThrowIfError(conv_.Prepare(params_, weights, kernel_));
    prepared_shape_ = shape;
  }

  // Larq writes no groups: the filter has only a group's words.
  int Groups(const Shape& filter) const {
    if (filter[0] < 1 || filter[1] < 1 || filter[2] < 1 || filter[3] < 1) {
      throw OpError("expected a filter that is not empty. Received: shape=" + ToString(filter));
    }
    const int words = PixelWords(params_.channels_in, 1);
    const int groups = words / filter[3];
    const bool fits = groups == 1 ? words == filter[3]
                                  : groups > 1 && params_.channels_in == groups * filter[3] * 32 &&
                                        filter[0] % groups == 0;
    if (!fits) {
      throw OpError(
          "expected a filter [channels_out, height, width, words] with all ceil(channels_in / 32) "
          "words, or a group's of 32 * words channels of which channels_in and channels_out are "
          "multiples. Received: shape=" +
          ToString(filter) + ", channels_in=" + std::to_string(params_.channels_in));
    }
    return groups;
  }

  // Products of a sum.
  int64_t Products() const {
    return int64_t{params_.kernel_height} * params_.kernel_width *
           (params_.channels_in / params_.groups);
  }

  void SetThresholds(const std::vector<InputSpec>& inputs, std::vector<float>* multiplier,
                     std::vector<float>* bias) {
    const InputSpec& input = RequiredInput(inputs, 4, "thresholds", ElementType::kInt32);
    const auto* thresholds =
        static_cast<const int32_t*>(ConstantData(input, "thresholds", {params_.channels_out}));
    params_.acc_scale = 1;
    multiplier->assign(static_cast<size_t>(params_.channels_out), -1.0f);
    // Within what p can be, where the difference is exact.
    for (int o = 0; o < params_.channels_out; ++o) {
      bias->push_back(
          static_cast<float>(std::min(std::max<int64_t>(thresholds[o], -1), Products())));
    }
  }

  void SetTransform(const std::vector<InputSpec>& inputs, std::vector<float>* multiplier,
                    std::vector<float>* bias) {
    const auto constant = [&](size_t position, const char* name) {
      const InputSpec& input = RequiredInput(inputs, position, name, ElementType::kFloat32);
      return static_cast<const float*>(ConstantData(input, name, {params_.channels_out}));
    };
    const float* multipliers = constant(2, "multiplier");
    const float* biases = constant(3, "bias");
    double scale = 1, zero_point = 0;
    if (params_.int8_output) {
      scale = output_.quantization.scale;
      zero_point = output_.quantization.zero_point;
      if (!(scale > 0)) {
        throw OpError("expected an int8 output with a scale above 0. Received: scale=" +
                      std::to_string(scale));
      }
    }
    const double products = static_cast<double>(Products());
    for (int o = 0; o < params_.channels_out; ++o) {
      const double m = multipliers[o];
      multiplier->push_back(static_cast<float>(-m / scale));
      bias->push_back(static_cast<float>((biases[o] + products * m) / scale + zero_point));
    }
    params_.acc_scale = 2;
    if (activation_ == kNone) return;
    // Larq's sum of +-1 is K - x.
    const double high = activation_ == kRelu6 ? 6 : activation_ == kReluN1To1 ? 1 : products;
    const double low = activation_ == kReluN1To1 ? -1 : 0;
    params_.clamp = true;
    params_.clamp_min = static_cast<float>(products - std::min(high, products));
    params_.clamp_max = static_cast<float>(products - low);
  }

  const std::string kernel_;
  int activation_;
  OutputSpec output_ = {ElementType::kOther, {}};
  ConvParams params_;
  Conv2D conv_;
  Shape prepared_shape_;  // of the filter that conv_ holds; empty: none
  ThreadPool* pool_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> MakeLceBconv2dOp(const uint8_t* options, size_t size,
                                     const std::string& kernel) {
  return std::make_unique<LceBconv2dOp>(OptionReader(options, size), kernel);
}

}  // namespace kgn
