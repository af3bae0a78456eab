// Larq Compute Engine's ops: shapes of good nodes, refusals of bad ones. What they compute:
// tests/runtime/lce_test.py.
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

constexpr auto kF = ElementType::kFloat32;
constexpr auto kI = ElementType::kInt32;
constexpr auto k8 = ElementType::kInt8;
constexpr auto kB = ElementType::kBool;

const std::vector<int32_t> kConstant(1 << 16);

InputSpec Input(ElementType type, const Shape& shape) { return {true, type, shape, nullptr}; }
InputSpec Constant(ElementType type, const Shape& shape) {
  return {true, type, shape, kConstant.data()};
}

// The output's type and shape as text, or the refusal.
std::string Outcome(const char* name, const std::vector<uint8_t>& options,
                    const std::vector<InputSpec>& inputs, const OutputSpec& output) {
  ThreadPool pool(1);
  try {
    const auto op = MakeOp(name, options.data(), options.size(), "");
    op->Declare({output});
    std::string text;
    for (const OutputSpec& got : op->Prepare(inputs, &pool)) {
      text += TypeName(got.type) + ToString(got.shape);
    }
    return text;
  } catch (const OpError& error) {
    return error.what();
  }
}

Options ConvOptions() {
  return {{"channels_in", 64},
          {"dilation_height_factor", 1},
          {"dilation_width_factor", 1},
          {"fused_activation_function", 0},
          {"pad_values", 1},
          {"padding", 0},
          {"stride_height", 1},
          {"stride_width", 1}};
}

std::string Conv(const std::vector<InputSpec>& inputs, const OutputSpec& output,
                 const std::vector<std::pair<const char*, int>>& changes = {}) {
  Options options = ConvOptions();
  for (const auto& change : changes) options[change.first] = change.second;
  return Outcome("LceBconv2d", FlexMap(options), inputs, output);
}

// 64 to 40 channels, 3x3, for a float or int8 output.
std::vector<InputSpec> ConvInputs() {
  return {Input(kI, {2, 9, 7, 2}), Constant(kI, {40, 3, 3, 2}), Constant(kF, {40}),
          Constant(kF, {40}), InputSpec()};
}

std::vector<InputSpec> PackedConvInputs() {
  return {Input(kI, {2, 9, 7, 2}), Constant(kI, {40, 3, 3, 2}), InputSpec(), InputSpec(),
          Constant(kI, {40})};
}

TEST_CASE("LceBconv2d: shapes") {
  CHECK_EQ(Conv(ConvInputs(), {kF, {}}), "float32[2, 9, 7, 40]");
  CHECK_EQ(Conv(ConvInputs(), {k8, {}, {0.5f, 3}}), "int8[2, 9, 7, 40]");
  CHECK_EQ(Conv(PackedConvInputs(), {kI, {}}), "int32[2, 9, 7, 2]");
  CHECK_EQ(Conv(ConvInputs(), {kF, {}}, {{"padding", 1}, {"stride_height", 2}}),
           "float32[2, 4, 5, 40]");
  CHECK_EQ(Conv(ConvInputs(), {kF, {}}, {{"some_new_option", 5}}), "float32[2, 9, 7, 40]");
  auto grouped = ConvInputs();
  grouped[1] = Constant(kI, {40, 3, 3, 1});
  CHECK_EQ(Conv(grouped, {kF, {}}), "float32[2, 9, 7, 40]");
  auto empty = ConvInputs();
  empty[0] = Input(kI, {0, 9, 7, 2});
  CHECK_EQ(Conv(empty, {kF, {}}), "float32[0, 9, 7, 40]");
}

TEST_CASE("LceBconv2d: refusals") {
  const auto with = [](size_t position, const InputSpec& spec) {
    auto inputs = ConvInputs();
    inputs[position] = spec;
    return Conv(inputs, {kF, {}});
  };
  CHECK(Contains(with(0, Input(kF, {2, 9, 7, 2})), "of type int32. Received: float32"));
  CHECK(Contains(with(0, Input(kI, {2, 9, 7, 3})), "Received: shape=[2, 9, 7, 3]"));
  CHECK(Contains(with(0, Input(kI, {2, 9, 2})), "Received: shape=[2, 9, 2]"));
  CHECK(Contains(with(0, Input(kI, {1 << 10, 1 << 10, 1 << 10, 2})), "below 2^31 bytes"));
  CHECK(Contains(with(0, InputSpec()), "the input (input 0), which is absent"));
  CHECK(Contains(with(1, Input(kI, {40, 3, 3, 2})), "the filter to be constant"));
  CHECK(Contains(with(1, Constant(kI, {40, 3, 2})), "Received: shape=[40, 3, 2]"));
  CHECK(Contains(with(1, Constant(kI, {40, 3, 3, 3})), "shape=[40, 3, 3, 3], channels_in=64"));
  CHECK(Contains(with(1, Constant(kI, {41, 3, 3, 1})), "shape=[41, 3, 3, 1], channels_in=64"));
  CHECK(Contains(with(1, Constant(kI, {})), "Received: shape=[]"));
  CHECK(Contains(with(1, Constant(kI, {0, 3, 3, 2})), "not empty"));
  CHECK(Contains(with(1, Constant(kI, {40, 3, 3, 0})), "not empty"));
  CHECK(Contains(with(2, Constant(kF, {39})), "multiplier of shape [40]"));
  CHECK(Contains(with(3, InputSpec()), "bias (input 3), which is absent"));
  CHECK(Contains(Conv({ConvInputs()[0]}, {kF, {}}), "expected 5 inputs. Received: 1"));
  CHECK(Contains(Conv(ConvInputs(), {kI, {}}), "thresholds (input 4), which is absent"));
  CHECK(Contains(Conv(ConvInputs(), {kB, {}}), "float32, int8 or int32. Received: bool"));
  CHECK(Contains(Conv(ConvInputs(), {k8, {}}), "scale above 0. Received: scale=0"));
  // Groups that are not whole words.
  auto grouped = ConvInputs();
  grouped[1] = Constant(kI, {40, 3, 3, 1});
  CHECK(Contains(Conv(grouped, {kF, {}}, {{"channels_in", 40}}), "channels_in=40"));

  for (const auto& entry : ConvOptions()) {
    Options missing = ConvOptions();
    missing.erase(entry.first);
    CHECK(Contains(Outcome("LceBconv2d", FlexMap(missing), ConvInputs(), {kF, {}}),
                   "'" + entry.first + "', which is missing"));
  }
  for (const auto& bad : std::vector<std::pair<const char*, int>>{{"channels_in", 0},
                                                                  {"channels_in", -64},
                                                                  {"dilation_height_factor", 0},
                                                                  {"stride_width", -1},
                                                                  {"stride_height", INT_MAX},
                                                                  {"fused_activation_function", 4},
                                                                  {"pad_values", 2},
                                                                  {"pad_values", -1},
                                                                  {"padding", 2}}) {
    CHECK(Contains(Conv(ConvInputs(), {kF, {}}, {bad}),
                   std::string("Received: ") + bad.first + "=" + std::to_string(bad.second)));
  }
  CHECK(Contains(Outcome("LceBconv2d", {}, ConvInputs(), {kF, {}}), "no options"));
}

TEST_CASE("LceQuantize") {
  const auto outcome = [](const InputSpec& input) {
    return Outcome("LceQuantize", {}, {input}, {kI, {}});
  };
  CHECK_EQ(outcome(Input(kF, {2, 3, 33})), "int32[2, 3, 2]");
  CHECK_EQ(outcome({true, k8, {2, 3, 33}, nullptr, {0.1f, -128}}), "int32[2, 3, 2]");
  CHECK_EQ(outcome(Input(kB, {32})), "int32[1]");
  CHECK(Contains(outcome(Input(kI, {2, 3})), "float32, int8 or bool. Received: int32"));
  CHECK(Contains(outcome(InputSpec()), "which is absent"));
  CHECK(Contains(outcome(Input(kF, {})), "Received: shape=[]"));
  CHECK(Contains(outcome(Input(kF, {2, 0})), "Received: shape=[2, 0]"));
  CHECK(Contains(outcome({true, k8, {2, 3}, nullptr, {0.1f, 128}}), "zero_point=128"));
}

TEST_CASE("LceDequantize") {
  const auto outcome = [](const OutputSpec& output, const Shape& input = {2, 3, 2}) {
    return Outcome("LceDequantize", {}, {Input(kI, input)}, output);
  };
  CHECK_EQ(outcome({kF, {1, 3, 40}}), "float32[2, 3, 40]");  // resized
  CHECK_EQ(outcome({kB, {2, 3, 33}}), "bool[2, 3, 33]");
  CHECK_EQ(outcome({k8, {2, 3, 64}, {0.1f, 127}}), "int8[2, 3, 64]");
  CHECK(Contains(outcome({kF, {2, 3, 65}}), "output shape=[2, 3, 65]"));
  CHECK(Contains(outcome({kF, {2, 3, -1}}), "output shape=[2, 3, -1]"));
  CHECK(Contains(outcome({kF, {}}), "output shape=[]"));
  CHECK(Contains(outcome({kF, {2, 40}}, {}), "input shape=[]"));
  CHECK(Contains(outcome({kI, {2, 3, 40}}), "float32, int8 or bool. Received: int32"));
  CHECK(Contains(outcome({k8, {2, 3, 40}}), "scale=0"));
  CHECK(Contains(outcome({k8, {2, 3, 40}, {1.0f, -129}}), "zero_point=-129"));
}

TEST_CASE("LceBMaxPool2d") {
  const Options good = {{"filter_height", 3},
                        {"filter_width", 2},
                        {"padding", 1},
                        {"stride_height", 2},
                        {"stride_width", 2}};
  const auto outcome = [&](const Shape& shape, const char* key = nullptr, int value = 0) {
    Options options = good;
    if (key) options[key] = value;
    return Outcome("LceBMaxPool2d", FlexMap(options), {Input(kI, shape)}, {kI, {}});
  };
  CHECK_EQ(outcome({2, 9, 8, 3}), "int32[2, 4, 4, 3]");
  CHECK_EQ(outcome({2, 9, 8, 3}, "padding", 0), "int32[2, 5, 4, 3]");
  CHECK(Contains(outcome({2, 2, 8, 3}), "height=2, window=3"));
  CHECK(Contains(outcome({2, 9, 8}), "Received: shape=[2, 9, 8]"));
  CHECK(Contains(outcome({2, 9, 8, 0}), "channels=0"));
  CHECK(Contains(outcome({2, 9, 8, 3}, "stride_width", 0), "stride_width=0"));
  CHECK(Contains(outcome({2, 9, 8, 3}, "padding", 3), "padding=3"));
}

}  // namespace
}  // namespace kgn
