// Shape rules of the ops: outputs of good inputs, refusals of bad ones.
#include <climits>
#include <string>
#include <vector>

#include "ops/error.h"
#include "ops/op.h"
#include "tests/contains.h"
#include "tests/flex.h"
#include "third_party/doctest/doctest.h"

namespace kgn {
namespace {

using kgn_test::Contains;
using kgn_test::FlexMap;
using kgn_test::Options;

Options ConvOptions() {
  return {{"version", 1},       {"bits", 1},         {"channels_in", 40},    {"groups", 1},
          {"stride_height", 1}, {"stride_width", 1}, {"dilation_height", 1}, {"dilation_width", 1},
          {"padding", 0},       {"pad_value", 1},    {"pre_activation", 0},  {"activation", 0},
          {"float_output", 1},  {"out_bits", 0},     {"out_scale", 1.0f}};
}

const std::vector<int32_t> kWords(1 << 16);
const std::vector<float> kFloats(1 << 12);

InputSpec Int32(const Shape& shape, bool constant = false) {
  return {true, ElementType::kInt32, shape, constant ? kWords.data() : nullptr};
}
InputSpec Float32(const Shape& shape, bool constant = false) {
  return {true, ElementType::kFloat32, shape, constant ? kFloats.data() : nullptr};
}

// A 3x3 convolution from 40 to 33 channels, the rest as given.
std::vector<InputSpec> ConvInputs(const Shape& input) {
  return {Int32(input), Int32({33, 3, 3, 2}, true), Float32({33}, true), Float32({33}, true)};
}

// Shapes of the outputs as text, or the refusal.
std::string Outcome(const char* name, const Options& options,
                    const std::vector<InputSpec>& inputs) {
  const std::vector<uint8_t> data = FlexMap(options);
  ThreadPool pool(1);
  try {
    std::string text;
    for (const OutputSpec& output :
         MakeOp(name, data.data(), data.size(), "")->Prepare(inputs, &pool)) {
      text += (output.type == ElementType::kFloat32 ? "f" : "i") + ToString(output.shape);
    }
    return text;
  } catch (const OpError& error) {
    return error.what();
  }
}

std::string ConvOutcome(const std::vector<InputSpec>& inputs,
                        const std::vector<std::pair<const char*, int>>& changes = {}) {
  Options options = ConvOptions();
  for (const auto& change : changes) options[change.first] = change.second;
  return Outcome("KgnConv2D", options, inputs);
}

TEST_CASE("KgnConv2D: shapes") {
  const auto inputs = ConvInputs({2, 9, 7, 2});
  CHECK_EQ(ConvOutcome(inputs), "f[2, 9, 7, 33]");
  CHECK_EQ(ConvOutcome(inputs, {{"stride_height", 2}, {"stride_width", 3}}), "f[2, 5, 3, 33]");
  CHECK_EQ(ConvOutcome(inputs, {{"padding", 1}}), "f[2, 7, 5, 33]");
  CHECK_EQ(ConvOutcome(inputs, {{"padding", 1}, {"dilation_height", 4}}), "f[2, 1, 5, 33]");
  CHECK_EQ(ConvOutcome(inputs, {{"out_bits", 4}}), "f[2, 9, 7, 33]i[2, 9, 7, 8]");
  CHECK_EQ(ConvOutcome(inputs, {{"out_bits", 1}, {"float_output", 0}}), "i[2, 9, 7, 2]");
  CHECK_EQ(ConvOutcome(ConvInputs({0, 9, 7, 2})), "f[0, 9, 7, 33]");

  auto full = inputs;
  full.push_back(Float32({2, 9, 7, 1}));
  full.push_back(Float32({2, 9, 7, 33}));
  full.push_back(Float32({33}, true));
  CHECK_EQ(ConvOutcome(full), "f[2, 9, 7, 33]");
  full[4] = Float32({2, 1, 1, 1});
  CHECK_EQ(ConvOutcome(full), "f[2, 9, 7, 33]");
  full[4] = InputSpec();
  CHECK_EQ(ConvOutcome(full), "f[2, 9, 7, 33]");
  full[5] = Float32({2, 9, 7, 32});
  CHECK(
      Contains(ConvOutcome(full), "addend of shape [2, 9, 7, 33]. Received: shape=[2, 9, 7, 32]"));
  full[5] = Float32({2, 9, 7, 33});
  full.push_back(Float32({2, 9, 7, 33}));
  full.push_back(Float32({33}, true));
  full.push_back(Float32({33}, true));
  CHECK_EQ(ConvOutcome(full, {{"out_bits", 1}}), "f[2, 9, 7, 33]i[2, 9, 7, 2]");
  CHECK(Contains(ConvOutcome(full), "only with 'out_bits' > 0"));
  full.pop_back();
  CHECK(Contains(ConvOutcome(full, {{"out_bits", 1}}), "no quantize_bias"));
  full.pop_back();
  full[7] = Float32({2, 9, 7, 32});
  CHECK(Contains(ConvOutcome(full), "second_addend of shape [2, 9, 7, 33]"));
  full.pop_back();
  full[5] = InputSpec();
  CHECK(Contains(ConvOutcome(full), "addend_multiplier (input 6) only with an addend"));
  full[4] = Float32({2, 1, 1, 33});
  CHECK(Contains(ConvOutcome(full), "addend"));
  full.resize(6);
  full[5] = Float32({2, 9, 7, 33});
  CHECK(Contains(ConvOutcome(full), "pixel_scale of shape [2, 9, 7, 1]"));
  const std::vector<std::pair<const char*, int>> version_3 = {{"version", 3},
                                                              {"compression", 0},
                                                              {"activation", 3},
                                                              {"activation_min", -1},
                                                              {"activation_max", 1}};
  CHECK_EQ(ConvOutcome(full, version_3), "f[2, 9, 7, 33]");
  full.resize(10);
  full.push_back(Float32({33}, true));
  full.push_back(Float32({33}, true));
  CHECK_EQ(ConvOutcome(full, version_3), "f[2, 9, 7, 33]");
  CHECK(Contains(ConvOutcome(full), "4 to 10 inputs. Received: 12"));
  full[11] = Float32({33});
  CHECK(Contains(ConvOutcome(full, version_3), "offset to be constant"));
  full[10] = Float32({32}, true);
  CHECK(Contains(ConvOutcome(full, version_3), "slope of shape [33]"));
  full = ConvInputs({2, 9, 7, 2});
  full.resize(10);
  full.push_back(Float32({33}, true));
  CHECK(Contains(
      ConvOutcome(
          full,
          {{"version", 3}, {"compression", 0}, {"activation_min", -1}, {"activation_max", 1}}),
      "unless"));
  full.resize(4);
  full.push_back(Float32({2, 9, 1, 1}));
  CHECK(Contains(ConvOutcome(full), "pixel_scale of shape [2, 9, 7, 1]"));
}

TEST_CASE("KgnConv2D: refusals") {
  const auto with = [](size_t position, const InputSpec& spec) {
    auto inputs = ConvInputs({2, 9, 7, 2});
    inputs[position] = spec;
    return ConvOutcome(inputs);
  };
  CHECK(Contains(ConvOutcome(ConvInputs({2, 9, 7, 3})),
                 "[-1, -1, -1, 2]. Received: shape=[2, 9, 7, 3]"));
  CHECK(Contains(ConvOutcome(ConvInputs({2, 9, 2})), "Received: shape=[2, 9, 2]"));
  CHECK(Contains(ConvOutcome(ConvInputs({2, -9, 7, 2})), "Received: shape=[2, -9, 7, 2]"));
  CHECK(Contains(ConvOutcome(ConvInputs({2, 0, 7, 2})), "height=0"));
  CHECK(Contains(ConvOutcome(ConvInputs({2, 2, 7, 2}), {{"padding", 1}}), "height=2, window=3"));
  CHECK(Contains(ConvOutcome(ConvInputs({INT_MAX, INT_MAX, INT_MAX, 2})), "below 2^31 bytes"));
  CHECK(Contains(ConvOutcome(ConvInputs({1 << 10, 1 << 10, 1 << 8, 2})), "below 2^31 bytes"));
  CHECK(Contains(with(0, Float32({2, 9, 7, 2})), "the input (input 0) of type int32"));
  CHECK(Contains(with(0, InputSpec()), "the input (input 0), which is absent"));
  CHECK(Contains(with(1, Int32({33, 3, 3, 2})), "weights to be constant"));
  CHECK(Contains(with(1, Int32({33, 3, 3, 1}, true)), "Received: shape=[33, 3, 3, 1]"));
  CHECK(Contains(with(1, Int32({0, 3, 3, 2}, true)), "not empty"));
  CHECK(Contains(with(2, Float32({32}, true)), "multiplier of shape [33]"));
  CHECK(Contains(with(3, Float32({33})), "bias to be constant"));
  CHECK(Contains(ConvOutcome({Int32({2, 9, 7, 2})}), "4 to 10 inputs. Received: 1"));
  auto compressed = ConvInputs({2, 9, 7, 2});
  const std::vector<std::pair<const char*, int>> version_2 = {{"version", 2}, {"compression", 1}};
  CHECK(Contains(ConvOutcome(compressed, version_2), "weights of shape [-1]"));
  compressed[1] = Int32({30}, true);
  CHECK(Contains(ConvOutcome(compressed, version_2), "compressed weights: expected"));
  compressed[1] = Int32({30});
  CHECK(Contains(ConvOutcome(compressed, version_2), "weights to be constant"));
  compressed[1] = Int32({0}, true);
  CHECK(Contains(ConvOutcome(compressed, version_2), "Received: 0 bits"));
  compressed[2] = Float32({33, 1}, true);
  CHECK(Contains(ConvOutcome(compressed, version_2), "multiplier of shape [-1]"));
  compressed[2] = Float32({0}, true);
  CHECK(Contains(ConvOutcome(compressed, version_2), "not empty"));
  auto grouped = ConvInputs({2, 9, 7, 2});
  grouped[1] = Int32({33, 3, 3, 1}, true);
  CHECK(Contains(ConvOutcome(grouped, {{"groups", 2}}), "Received: groups=2"));
}

TEST_CASE("shapes and refusals of the other ops") {
  const Options quantize = {{"version", 1}, {"bits", 2}, {"scale", 3.0f}};
  CHECK_EQ(Outcome("KgnQuantize", quantize, {Float32({2, 3, 5, 6, 33})}), "i[2, 3, 5, 6, 4]");
  CHECK_EQ(Outcome("KgnQuantize", quantize, {Float32({7}), Float32({7}), Float32({7})}), "i[2]");
  CHECK(
      Contains(Outcome("KgnQuantize", quantize, {Float32({7}), Float32({7})}), "both or neither"));
  CHECK(Contains(Outcome("KgnQuantize", quantize, {Float32({})}), "Received: shape=[]"));

  const Options dequantize = {{"version", 1}, {"bits", 2}, {"channels", 33}, {"scale", 0.5f}};
  CHECK_EQ(Outcome("KgnDequantize", dequantize, {Int32({2, 4})}), "f[2, 33]");
  CHECK(Contains(Outcome("KgnDequantize", dequantize, {Int32({2, 3})}), "[..., 4]"));

  Options pool = {{"version", 1},       {"bits", 4},         {"channels", 33},
                  {"filter_height", 3}, {"filter_width", 2}, {"stride_height", 2},
                  {"stride_width", 2},  {"padding", 1}};
  CHECK_EQ(Outcome("KgnMaxPool2D", pool, {Int32({1, 9, 8, 8})}), "i[1, 4, 4, 8]");
  CHECK(Contains(Outcome("KgnMaxPool2D", pool, {Int32({1, 2, 8, 8})}), "height=2, window=3"));
  const std::vector<InputSpec> minimum = {Int32({1, 9, 8, 8}), Int32({2}, true)};
  CHECK(Contains(Outcome("KgnMaxPool2D", pool, minimum), "expected 1 inputs. Received: 2"));
  pool["version"] = 2;
  CHECK_EQ(Outcome("KgnMaxPool2D", pool, minimum), "i[1, 4, 4, 8]");
  CHECK(Contains(Outcome("KgnMaxPool2D", pool, {minimum[0], Int32({2})}), "to be constant"));
  CHECK(Contains(Outcome("KgnMaxPool2D", pool, {minimum[0], Int32({8}, true)}), "shape [2]"));

  Options map = {{"version", 1},       {"kernel_height", 3}, {"kernel_width", 2},
                 {"stride_height", 2}, {"stride_width", 1},  {"dilation_height", 1},
                 {"padding", 1},       {"dilation_width", 2}};
  CHECK_EQ(Outcome("KgnScaleMap", map, {Float32({2, 9, 8, 5})}), "f[2, 4, 6, 1]");
  CHECK_EQ(Outcome("KgnScaleMap", map, {Float32({0, 9, 8, 5})}), "f[0, 4, 6, 1]");
  CHECK(Contains(Outcome("KgnScaleMap", map, {Float32({2, 2, 8, 5})}), "height=2, window=3"));
  CHECK(Contains(Outcome("KgnScaleMap", map, {Float32({2, 9, 8, 0})}), "with channels"));
  CHECK(Contains(Outcome("KgnScaleMap", map, {Float32({2, 9})}), "[-1, -1, -1, -1]"));
  CHECK(Contains(Outcome("KgnScaleMap", map, {Int32({2, 9, 8, 5})}), "float32"));
  const std::vector<InputSpec> normed = {Float32({2, 9, 8, 5}), Float32({5}), Float32({5})};
  CHECK_EQ(Outcome("KgnScaleMap", map, normed), "f[2, 4, 6, 1]");
  CHECK(Contains(Outcome("KgnScaleMap", map, {normed[0], normed[1]}), "both or neither"));
  map["kernel_width"] = 256;
  CHECK(Contains(Outcome("KgnScaleMap", map, {Float32({2, 9, 8, 5})}), "kernel_width=256"));

  const Options dense = {{"version", 1},    {"bits", 32},          {"channels_in", 40},
                         {"activation", 0}, {"pre_activation", 0}, {"float_output", 1},
                         {"out_bits", 1},   {"out_scale", 1.0f}};
  std::vector<InputSpec> inputs = {Float32({3, 40}),    Int32({33, 2}, true), Float32({33}, true),
                                   Float32({33}, true), Float32({3, 1}),      Float32({3, 33})};
  CHECK_EQ(Outcome("KgnDense", dense, inputs), "f[3, 33]i[3, 2]");
  inputs[4] = Float32({3, 2});
  CHECK(Contains(Outcome("KgnDense", dense, inputs), "pixel_scale of shape [3, 1]"));
  inputs[0] = Float32({3, 1, 1, 40});
  CHECK(Contains(Outcome("KgnDense", dense, inputs), "[-1, 40]"));
}

}  // namespace
}  // namespace kgn
