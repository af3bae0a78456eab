#include "ops/options.h"

#include <limits>
#include <string>

#include "ops/error.h"
#include "ops/option_reader.h"

namespace kgn {
namespace {

// Of a window that no weights limit, along one axis.
constexpr int kMaxTaps = 255;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

void ReadActivation(OptionReader* reader, MatmulOptions* options) {
  using Activation = ConvParams::Activation;
  const bool general = options->version >= 3;
  options->activation = static_cast<Activation>(general ? reader->OneOf("activation", {0, 1, 2, 3})
                                                        : reader->OneOf("activation", {0, 1}));
  options->activation_min = general ? reader->Real("activation_min") : -kInfinity;
  options->activation_max = general ? reader->Real("activation_max") : kInfinity;
  const bool limits = options->activation_min > -kInfinity || options->activation_max < kInfinity;
  if (options->activation_min > options->activation_max) {
    throw OpError("expected 'activation_min' not to be above 'activation_max'. Received: " +
                  std::to_string(options->activation_min) + " and " +
                  std::to_string(options->activation_max));
  }
  if (limits &&
      (options->activation == Activation::kNone || options->activation == Activation::kRelu)) {
    throw OpError(
        "expected 'activation_min' and 'activation_max' to be infinite unless 'activation' is 2 or "
        "3. Received: activation=" +
        std::to_string(static_cast<int>(options->activation)));
  }
}

void ReadMatmul(OptionReader* reader, MatmulOptions* options) {
  options->version = reader->ExpectVersion(kMatmulVersion);
  options->bits = reader->OneOf("bits", {1, 2, 4, 32});
  options->channels_in = reader->Size("channels_in", kMaxChannels);
  options->pre_activation = reader->Flag("pre_activation");
  ReadActivation(reader, options);
  options->float_output = reader->Flag("float_output");
  options->out_bits = reader->OneOf("out_bits", {0, 1, 2, 4});
  options->out_scale = reader->Scale("out_scale", options->out_bits);
  if (!options->float_output && options->out_bits == 0) {
    throw OpError("expected at least one output. Received: float_output=0, out_bits=0");
  }
}

// How a window moves over a map.
template <typename Options>
void ReadWindow(OptionReader* reader, Options* options) {
  options->stride_height = reader->Size("stride_height", kMaxExtent);
  options->stride_width = reader->Size("stride_width", kMaxExtent);
  options->dilation_height = reader->Size("dilation_height", kMaxExtent);
  options->dilation_width = reader->Size("dilation_width", kMaxExtent);
  options->padding = static_cast<Padding>(reader->OneOf("padding", {0, 1}));
}

}  // namespace

QuantizeOptions ParseQuantizeOptions(const uint8_t* data, size_t size) {
  OptionReader reader(data, size);
  reader.ExpectVersion(kOpsVersion);
  QuantizeOptions options;
  options.bits = reader.OneOf("bits", {1, 2, 4});
  options.scale = reader.Scale("scale", options.bits);
  reader.ExpectEnd();
  return options;
}

DequantizeOptions ParseDequantizeOptions(const uint8_t* data, size_t size) {
  OptionReader reader(data, size);
  reader.ExpectVersion(kOpsVersion);
  DequantizeOptions options;
  options.bits = reader.OneOf("bits", {1, 2, 4});
  options.channels = reader.Size("channels", kMaxChannels);
  options.scale = reader.Scale("scale", options.bits);
  reader.ExpectEnd();
  return options;
}

Conv2DOptions ParseConv2DOptions(const uint8_t* data, size_t size) {
  OptionReader reader(data, size);
  Conv2DOptions options;
  ReadMatmul(&reader, &options);
  options.groups = reader.Size("groups", kMaxChannels);
  ReadWindow(&reader, &options);
  options.pad_value = reader.OneOf("pad_value", {-1, 0, 1});
  options.compressed = options.version >= 2 && reader.Flag("compression");
  reader.ExpectEnd();
  if (options.channels_in % options.groups != 0) {
    throw OpError("expected 'groups' to divide 'channels_in'. Received: groups=" +
                  std::to_string(options.groups) +
                  ", channels_in=" + std::to_string(options.channels_in));
  }
  if ((options.bits == 2 || options.bits == 4) && options.pad_value != 0) {
    throw OpError("expected 'pad_value' to be 0 for codes of 2 or 4 bits. Received: pad_value=" +
                  std::to_string(options.pad_value) + ", bits=" + std::to_string(options.bits));
  }
  return options;
}

MatmulOptions ParseDenseOptions(const uint8_t* data, size_t size) {
  OptionReader reader(data, size);
  MatmulOptions options;
  ReadMatmul(&reader, &options);
  reader.ExpectEnd();
  return options;
}

MaxPool2DOptions ParseMaxPool2DOptions(const uint8_t* data, size_t size) {
  OptionReader reader(data, size);
  MaxPool2DOptions options;
  options.version = reader.ExpectVersion(kMaxPoolVersion);
  options.bits = reader.OneOf("bits", {1, 2, 4});
  options.channels = reader.Size("channels", kMaxChannels);
  options.filter_height = reader.Size("filter_height", kMaxExtent);
  options.filter_width = reader.Size("filter_width", kMaxExtent);
  options.stride_height = reader.Size("stride_height", kMaxExtent);
  options.stride_width = reader.Size("stride_width", kMaxExtent);
  options.padding = static_cast<Padding>(reader.OneOf("padding", {0, 1}));
  reader.ExpectEnd();
  return options;
}

ScaleMapParams ParseScaleMapOptions(const uint8_t* data, size_t size) {
  OptionReader reader(data, size);
  reader.ExpectVersion(kOpsVersion);
  ScaleMapParams options;
  options.kernel_height = reader.Size("kernel_height", kMaxTaps);
  options.kernel_width = reader.Size("kernel_width", kMaxTaps);
  ReadWindow(&reader, &options);
  reader.ExpectEnd();
  return options;
}

}  // namespace kgn
