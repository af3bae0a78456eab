// KgnConv2D and KgnDense: a dense layer is a 1x1 convolution over maps of one pixel.
#include <limits>

#include "core/conv2d.h"
#include "core/huffman.h"
#include "ops/error.h"
#include "ops/inputs.h"
#include "ops/make_ops.h"
#include "ops/options.h"

namespace kgn {
namespace {

class Conv2DOp : public Op {
 public:
  Conv2DOp(const Conv2DOptions& options, bool dense, const std::string& kernel)
      : options_(options), dense_(dense), kernel_(kernel), params_(ParamsOf(options)) {}

  std::vector<OutputSpec> Prepare(const std::vector<InputSpec>& inputs, ThreadPool* pool) override {
    pool_ = pool;
    ExpectInputCount(inputs, 4, options_.version >= 3 ? 12 : 10);
    PrepareWeights(inputs);

    const auto type = options_.bits == 32 ? ElementType::kFloat32 : ElementType::kInt32;
    const Shape& input = RequiredInput(inputs, 0, "the input", type).shape;
    ExpectShape("the input", Map(-1, -1, -1, PixelWords(options_.channels_in, options_.bits)),
                input);
    CheckSize("the input", input);
    const int batch = input[0];
    const int height = dense_ ? 1 : input[1];
    const int width = dense_ ? 1 : input[2];
    const int out_height =
        OutputExtent("height", height, params_.kernel_height, params_.stride_height,
                     params_.dilation_height, params_.padding);
    const int out_width = OutputExtent("width", width, params_.kernel_width, params_.stride_width,
                                       params_.dilation_width, params_.padding);
    const int channels = params_.channels_out;

    const Shape float_shape = Map(batch, out_height, out_width, channels);
    CheckSize("the output", float_shape);
    scale_kind_ = PixelScale::kNone;
    if (const auto* scale = OptionalInput(inputs, 4, "pixel_scale", ElementType::kFloat32)) {
      if (scale->shape == Map(batch, 1, 1, 1)) {
        scale_kind_ = PixelScale::kPerImage;
      } else if (options_.version >= 3 && scale->shape == Map(batch, 1, 1, channels)) {
        scale_kind_ = PixelScale::kPerChannel;
      } else {
        scale_kind_ = PixelScale::kPerPixel;
        ExpectShape("pixel_scale", Map(batch, out_height, out_width, 1), scale->shape);
      }
    }
    if (const auto* addend = OptionalInput(inputs, 5, "addend", ElementType::kFloat32)) {
      ExpectShape("addend", float_shape, addend->shape);
    }
    if (const auto* addend = OptionalInput(inputs, 7, "second_addend", ElementType::kFloat32)) {
      ExpectShape("second_addend", float_shape, addend->shape);
    }
    if (batch > 0) ThrowIfError(conv_.Reshape(batch, height, width, pool->num_threads()));

    std::vector<OutputSpec> outputs;
    if (options_.float_output) outputs.push_back({ElementType::kFloat32, float_shape});
    if (options_.out_bits > 0) {
      const int words = PixelWords(channels, options_.out_bits);
      outputs.push_back({ElementType::kInt32, Map(batch, out_height, out_width, words)});
    }
    return outputs;
  }

  void Run(const void* const* inputs, void* const* outputs) override {
    ConvTensors tensors;
    tensors.input = inputs[0];
    tensors.pixel_scale_kind = scale_kind_;
    if (scale_kind_ != PixelScale::kNone) {
      tensors.pixel_scale = static_cast<const float*>(inputs[4]);
    }
    if (has_addend_) tensors.addend = static_cast<const float*>(inputs[5]);
    if (has_second_addend_) tensors.second_addend = static_cast<const float*>(inputs[7]);
    if (options_.float_output) tensors.float_out = static_cast<float*>(*outputs++);
    if (options_.out_bits > 0) tensors.packed_out = static_cast<int32_t*>(*outputs);
    conv_.Run(tensors, pool_);
  }

  std::string kernel() const override { return conv_.kernel_name(); }

 private:
  // A shape [N, H, W, C], which is [N, C] for KgnDense.
  Shape Map(int batch, int height, int width, int channels) const {
    return dense_ ? Shape{batch, channels} : Shape{batch, height, width, channels};
  }

  // Input channels of a group.
  int Depth() const { return options_.channels_in / options_.groups; }

  // Shape that compressed weights have once they are restored.
  Shape CompressedShape(const InputSpec& multiplier) const {
    ExpectShape("multiplier", {-1}, multiplier.shape);
    return {multiplier.shape[0], 3, 3, PixelWords(Depth(), 1)};
  }

  static ConvParams ParamsOf(const Conv2DOptions& options) {
    ConvParams params;
    params.bits = options.bits;
    params.channels_in = options.channels_in;
    params.groups = options.groups;
    params.stride_height = options.stride_height;
    params.stride_width = options.stride_width;
    params.dilation_height = options.dilation_height;
    params.dilation_width = options.dilation_width;
    params.padding = options.padding;
    params.pad_value = options.pad_value;
    if (options.pre_activation) {
      params.clamp = true;
      params.clamp_min = 0;
      params.clamp_max = std::numeric_limits<float>::infinity();
    }
    params.activation = options.activation;
    params.activation_min = options.activation_min;
    params.activation_max = options.activation_max;
    params.float_output = options.float_output;
    params.out_bits = options.out_bits;
    params.out_scale = options.out_scale;
    return params;
  }

  // Which optional inputs there are, and whether they go together.
  void CheckOptionalInputs(const std::vector<InputSpec>& inputs) {
    const auto has = [&inputs](size_t position, const char* name) {
      return OptionalInput(inputs, position, name, ElementType::kFloat32) != nullptr;
    };
    has_addend_ = has(5, "addend");
    has_second_addend_ = has(7, "second_addend");
    if (has_second_addend_ && !has_addend_) {
      throw OpError(
          "expected second_addend (input 7) only with an addend (input 5). Received: "
          "second_addend alone");
    }
    const bool quantize_multiplier = has(8, "quantize_multiplier");
    const bool quantize_bias = has(9, "quantize_bias");
    if (quantize_multiplier != quantize_bias || (quantize_bias && options_.out_bits == 0)) {
      throw OpError(
          "expected quantize_multiplier and quantize_bias (inputs 8 and 9) together and only with "
          "'out_bits' > 0. Received: " +
          std::string(quantize_multiplier ? "a" : "no") + " quantize_multiplier, " +
          (quantize_bias ? "a" : "no") +
          " quantize_bias, out_bits=" + std::to_string(options_.out_bits));
    }
    const bool general = options_.activation == ConvParams::Activation::kBeforeAddends ||
                         options_.activation == ConvParams::Activation::kAfterAddends;
    if ((has(10, "slope") || has(11, "offset")) && !general) {
      throw OpError(
          "expected slope and offset (inputs 10 and 11) only with 'activation' 2 or 3. Received: "
          "activation=" +
          std::to_string(static_cast<int>(options_.activation)));
    }
    if (has(6, "addend_multiplier") && !has_addend_) {
      throw OpError(
          "expected addend_multiplier (input 6) only with an addend (input 5). Received: "
          "addend_multiplier alone");
    }
  }

  // Checks the shape that the weights have once they are restored and takes it over.
  void SetShape(const Shape& shape) {
    params_.channels_out = shape[0];
    params_.kernel_height = dense_ ? 1 : shape[1];
    params_.kernel_width = dense_ ? 1 : shape[2];
    if (params_.channels_out < 1 || params_.kernel_height < 1 || params_.kernel_width < 1) {
      throw OpError("expected weights that are not empty. Received: shape=" + ToString(shape));
    }
    if (params_.channels_out % options_.groups != 0) {
      throw OpError("expected 'groups' to divide the output channels. Received: groups=" +
                    std::to_string(options_.groups) + ", weights of shape " + ToString(shape));
    }
  }

  // A constant of each output channel; null if it is absent.
  const float* PerChannel(const std::vector<InputSpec>& inputs, size_t position,
                          const char* name) const {
    const InputSpec* input = OptionalInput(inputs, position, name, ElementType::kFloat32);
    if (!input) return nullptr;
    return static_cast<const float*>(ConstantData(*input, name, {params_.channels_out}));
  }

  // Lays the weights out for the kernel, unless that has been done: they are constant, so a new
  // input shape changes nothing about them.
  void PrepareWeights(const std::vector<InputSpec>& inputs) {
    const InputSpec& weights = RequiredInput(inputs, 1, "weights", ElementType::kInt32);
    const InputSpec& multiplier = RequiredInput(inputs, 2, "multiplier", ElementType::kFloat32);
    RequiredInput(inputs, 3, "bias", ElementType::kFloat32);
    CheckOptionalInputs(inputs);
    ConvWeights constants;
    constants.weights = static_cast<const int32_t*>(
        ConstantData(weights, "weights",
                     options_.compressed ? Shape{-1} : Map(-1, -1, -1, PixelWords(Depth(), 1))));
    const Shape shape = options_.compressed ? CompressedShape(multiplier) : weights.shape;
    SetShape(shape);
    constants.multiplier = PerChannel(inputs, 2, "multiplier");
    constants.bias = PerChannel(inputs, 3, "bias");
    constants.addend_multiplier = PerChannel(inputs, 6, "addend_multiplier");
    constants.quantize_multiplier = PerChannel(inputs, 8, "quantize_multiplier");
    constants.quantize_bias = PerChannel(inputs, 9, "quantize_bias");
    constants.slope = PerChannel(inputs, 10, "slope");
    constants.offset = PerChannel(inputs, 11, "offset");
    if (shape == prepared_shape_) return;

    prepared_shape_.clear();
    std::vector<int32_t> restored;  // conv_ makes a copy in its own layout
    if (options_.compressed) {
      ThrowIfError(
          DecodeKernels(constants.weights, weights.shape[0], shape[0], Depth(), &restored));
      constants.weights = restored.data();
    }
    ThrowIfError(conv_.Prepare(params_, constants, kernel_));
    prepared_shape_ = shape;
  }

  const Conv2DOptions options_;
  const bool dense_;
  const std::string kernel_;
  ConvParams params_;
  Conv2D conv_;
  Shape prepared_shape_;  // of the weights that conv_ holds; empty: none
  bool has_addend_ = false;
  bool has_second_addend_ = false;
  PixelScale scale_kind_ = PixelScale::kNone;
  ThreadPool* pool_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> MakeConv2DOp(const uint8_t* options, size_t size, const std::string& kernel) {
  return std::make_unique<Conv2DOp>(ParseConv2DOptions(options, size), false, kernel);
}

std::unique_ptr<Op> MakeDenseOp(const uint8_t* options, size_t size, const std::string& kernel) {
  Conv2DOptions conv;
  static_cast<MatmulOptions&>(conv) = ParseDenseOptions(options, size);
  conv.groups = 1;
  conv.stride_height = conv.stride_width = 1;
  conv.dilation_height = conv.dilation_width = 1;
  conv.padding = Padding::kValid;
  conv.pad_value = 0;
  conv.compressed = false;
  return std::make_unique<Conv2DOp>(conv, true, kernel);
}

}  // namespace kgn
