// Every convolution row of kernels.inc against the reference, bit for bit, over seeded random
// cases: odd sizes, strides, dilations, groups, paddings, bits, outputs and threads. 32-bit
// activations with a tolerance. Every other case is of a given class of shapes, so that each row
// gets each class however few cases there are.
#include "core/conv2d.h"

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "core/kernels.h"
#include "core/reference.h"
#include "tests/random_data.h"
#include "third_party/doctest/doctest.h"

// How many of 1 bit; half as many of other bits. Fewer where programs run slowly (tests/run.sh).
#ifndef KGN_RANDOM_CASES
#define KGN_RANDOM_CASES 500
#endif

namespace {

using kgn::ConvParams;
using kgn_test::Random;

struct Case {
  ConvParams params;
  int batch, height, width;
  kgn::PixelScale pixel_scale;
  bool addend, addend_multiplier, second_addend, quantize_affine, slope, offset;

  std::string Name() const {
    char text[400];
    const ConvParams& p = params;
    std::snprintf(text, sizeof(text),
                  "%dx%dx%d bits %d channels %d->%d groups %d kernel %dx%d stride %dx%d dilation "
                  "%dx%d %s pad %d sum %d clamp %d activation %d slope %d offset %d "
                  "float %d int8 %d out %d scale %d addend %d %d %d affine %d",
                  batch, height, width, p.bits, p.channels_in, p.channels_out, p.groups,
                  p.kernel_height, p.kernel_width, p.stride_height, p.stride_width,
                  p.dilation_height, p.dilation_width,
                  p.padding == kgn::Padding::kSame ? "SAME" : "VALID", p.pad_value,
                  static_cast<int>(p.sum), p.clamp, static_cast<int>(p.activation), slope, offset,
                  p.float_output, p.int8_output, p.out_bits, static_cast<int>(pixel_scale), addend,
                  addend_multiplier, second_addend, quantize_affine);
    return text;
  }
};

// What layouts and geometry tell apart.
enum Shape {
  kPlain,        // 3x3, one group
  kStrided,      // any kernel
  kDilated,      // likewise
  kPointwise,    // 1x1, stride 1
  kWordGroups,   // groups of whole words
  kSplitGroups,  // groups that end inside a word
  kDepthwise,
  kShapes,
  kAnyShape = kShapes,
};

void SetShape(Random* random, Shape shape, ConvParams* p) {
  if (shape == kAnyShape) return;
  p->stride_height = p->stride_width = p->dilation_height = p->dilation_width = 1;
  p->kernel_height = shape == kPointwise ? 1 : shape == kPlain ? 3 : random->Int(1, 5);
  p->kernel_width = shape == kPointwise ? 1 : shape == kPlain ? 3 : random->Int(2, 5);
  if (p->groups > 1) p->channels_in = p->channels_out = random->Pick<int>({17, 64, 100});
  p->groups = 1;
  if (shape == kStrided) {
    p->stride_height = random->Int(1, 3);
    p->stride_width = random->Int(2, 3);
  } else if (shape == kDilated) {
    p->dilation_height = random->Int(1, 3);
    p->dilation_width = random->Int(2, 3);
  } else if (shape == kWordGroups || shape == kSplitGroups) {
    p->groups = random->Int(2, 4);
    p->channels_in = p->groups * (shape == kWordGroups ? random->Pick<int>({32, 64})
                                                       : random->Pick<int>({1, 3, 16, 17, 33}));
    p->channels_out = p->groups * random->Pick<int>({1, 3, 8, 32, 33, 64});
  } else if (shape == kDepthwise) {
    p->groups = p->channels_in = p->channels_out = random->Pick<int>({2, 8, 33, 64, 100});
  }
}

Case RandomCase(Random* random, int bits, Shape shape) {
  const std::vector<int> channels = {1,  2,  3,  5,  6,  16,  17,  31,  32, 33,
                                     48, 63, 64, 65, 96, 100, 128, 130, 160};
  Case c;
  ConvParams& p = c.params;
  p.bits = bits;
  p.groups = random->Chance(65) ? 1 : random->Pick<int>({2, 3, 4, 8});
  p.channels_in = random->Pick(channels);
  p.channels_out = random->Pick(channels);
  if (p.groups > 1) {
    p.channels_in = random->Pick<int>({1, 3, 16, 17, 32, 33, 64}) * p.groups;
    p.channels_out = random->Pick<int>({1, 3, 8, 32, 33, 64}) * p.groups;
  }
  if (random->Chance(8)) {
    p.groups = p.channels_in;  // depthwise
    p.channels_out = p.channels_in * random->Int(1, 2);
  }
  if (random->Chance(40)) {
    p.kernel_height = p.kernel_width = 3;
  } else if (random->Chance(70)) {
    p.kernel_height = random->Int(1, 5);
    p.kernel_width = random->Int(1, 5);
  }
  if (random->Chance(40)) {
    p.stride_height = random->Int(1, 3);
    p.stride_width = random->Int(1, 3);
  }
  if (random->Chance(25)) {
    p.dilation_height = random->Int(1, 3);
    p.dilation_width = random->Int(1, 3);
  }
  SetShape(random, shape, &p);
  p.padding = random->Chance(70) ? kgn::Padding::kSame : kgn::Padding::kValid;
  p.pad_value = bits == 2 || bits == 4 ? 0 : random->Int(-1, 1);
  if (bits == 1 && random->Chance(15)) {
    p.sum = ConvParams::Sum::kPopcount;
    p.acc_scale = random->Pick<float>({1, 2});
    p.acc_offset = static_cast<float>(random->Int(-3, 3));
  }
  if (random->Chance(30)) {
    p.clamp = true;
    p.clamp_min = random->Chance(50) ? 0.0f : -20.0f;
    p.clamp_max = random->Chance(50) ? std::numeric_limits<float>::infinity() : 40.0f;
  }
  p.activation = static_cast<ConvParams::Activation>(random->Chance(50) ? 0 : random->Int(1, 3));
  const bool general = p.activation == ConvParams::Activation::kBeforeAddends ||
                       p.activation == ConvParams::Activation::kAfterAddends;
  if (general && random->Chance(50)) {
    p.activation_min = random->Pick<float>({-1, 0, -std::numeric_limits<float>::infinity()});
    p.activation_max = random->Pick<float>({1, 6, std::numeric_limits<float>::infinity()});
  }
  c.slope = general && random->Chance(60);
  c.offset = general && random->Chance(50);
  p.float_output = random->Chance(65);
  p.out_bits = p.float_output && random->Chance(50) ? 0 : random->Pick<int>({1, 1, 2, 4});
  p.out_scale = p.out_bits > 1 ? 0.7f : 1.0f;
  if (bits != 32 && random->Chance(10)) {
    p.int8_output = true;
    p.float_output = false;
    p.out_bits = 0;
  }
  c.batch = random->Chance(70) ? 1 : random->Int(2, 3);
  const int extent_y = (p.kernel_height - 1) * p.dilation_height + 1;
  const int extent_x = (p.kernel_width - 1) * p.dilation_width + 1;
  c.height = random->Int(p.padding == kgn::Padding::kValid ? extent_y : 1, 13);
  c.width = random->Int(p.padding == kgn::Padding::kValid ? extent_x : 1, 13);
  c.pixel_scale =
      random->Chance(70)
          ? kgn::PixelScale::kNone
          : random->Pick<kgn::PixelScale>({kgn::PixelScale::kPerPixel, kgn::PixelScale::kPerImage,
                                           kgn::PixelScale::kPerChannel});
  c.addend = random->Chance(40);
  c.addend_multiplier = c.addend && random->Chance(50);
  c.second_addend = c.addend && random->Chance(50);
  c.quantize_affine = p.out_bits > 0 && random->Chance(40);
  return c;
}

struct Outputs {
  std::vector<float> floats;
  std::vector<int32_t> packed;
  std::vector<int8_t> bytes;
};

void RunCase(const Case& c, const std::vector<std::string>& kernels,
             std::vector<kgn::ThreadPool*> pools, Random* random) {
  const ConvParams& p = c.params;
  const int64_t out_height = kgn::ConvOutputSize(c.height, p.kernel_height, p.stride_height,
                                                 p.dilation_height, p.padding, nullptr);
  const int64_t out_width = kgn::ConvOutputSize(c.width, p.kernel_width, p.stride_width,
                                                p.dilation_width, p.padding, nullptr);
  const int64_t pixels = c.batch * out_height * out_width;
  const int64_t taps = static_cast<int64_t>(p.kernel_height) * p.kernel_width;
  const std::vector<int32_t> packed_in =
      RandomPacked(random, static_cast<int64_t>(c.batch) * c.height * c.width, p.channels_in,
                   p.bits == 32 ? 1 : p.bits);
  const std::vector<float> float_in = kgn_test::RandomFloats(
      random, p.bits == 32 ? int64_t{c.batch} * c.height * c.width * p.channels_in : 0, 2);
  const std::vector<int32_t> filter =
      RandomPacked(random, p.channels_out * taps, p.channels_in / p.groups, 1);
  const std::vector<float> multiplier = kgn_test::RandomFloats(random, p.channels_out, 0.3f);
  const std::vector<float> bias = kgn_test::RandomFloats(random, p.channels_out, 2);
  const std::vector<float> addend_multiplier = kgn_test::RandomFloats(random, p.channels_out, 1);
  const std::vector<float> addend =
      kgn_test::RandomFloats(random, pixels * p.channels_out, 3, p.bits != 32);
  const std::vector<float> second_addend =
      kgn_test::RandomFloats(random, pixels * p.channels_out, 3, p.bits != 32);
  const std::vector<float> quantize_multiplier = kgn_test::RandomFloats(random, p.channels_out, 1);
  const std::vector<float> quantize_bias = kgn_test::RandomFloats(random, p.channels_out, 1);
  const std::vector<float> pixel_scale = kgn_test::RandomFloats(
      random,
      c.pixel_scale == kgn::PixelScale::kPerChannel ? int64_t{c.batch} * p.channels_out : pixels,
      1);
  const std::vector<float> slope = kgn_test::RandomFloats(random, p.channels_out, 1);
  const std::vector<float> offset = kgn_test::RandomFloats(random, p.channels_out, 1);
  kgn::ConvWeights weights;
  weights.weights = filter.data();
  weights.multiplier = multiplier.data();
  weights.bias = bias.data();
  if (c.addend_multiplier) weights.addend_multiplier = addend_multiplier.data();
  if (c.quantize_affine) {
    weights.quantize_multiplier = quantize_multiplier.data();
    weights.quantize_bias = quantize_bias.data();
  }
  if (c.slope) weights.slope = slope.data();
  if (c.offset) weights.offset = offset.data();
  kgn::ConvTensors tensors;
  tensors.input = p.bits == 32 ? static_cast<const void*>(float_in.data()) : packed_in.data();
  tensors.pixel_scale_kind = c.pixel_scale;
  tensors.pixel_scale = pixel_scale.data();
  if (c.addend) tensors.addend = addend.data();
  if (c.second_addend) tensors.second_addend = second_addend.data();

  const auto run = [&](const auto& compute) {
    Outputs out;
    out.floats.assign(p.float_output ? pixels * p.channels_out : 0, -77.0f);
    out.packed.assign(pixels * kgn::PackedWords(p.channels_out, p.out_bits), -1);
    tensors.float_out = out.floats.data();
    tensors.packed_out = out.packed.data();
    out.bytes.assign(p.int8_output ? pixels * p.channels_out : 0, -77);
    tensors.int8_out = out.bytes.data();
    compute();
    return out;
  };
  const Outputs expected =
      run([&] { kgn::ReferenceConv2D(p, weights, c.batch, c.height, c.width, tensors); });
  const bool depthwise = p.groups > 1 && p.groups == p.channels_in && p.groups == p.channels_out;
  for (const std::string& kernel : kernels) {
    if (kernel.find("depthwise") != std::string::npos && !depthwise) continue;
    kgn::Conv2D conv;
    const kgn::Status prepared = conv.Prepare(p, weights, kernel);
    INFO(kernel, ": ", c.Name());
    REQUIRE_EQ(prepared.message(), "");
    CHECK_EQ(kernel, conv.kernel_name());
    for (kgn::ThreadPool* pool : pools) {
      const kgn::Status shaped = conv.Reshape(c.batch, c.height, c.width, pool->num_threads());
      INFO(pool->num_threads(), " threads");
      REQUIRE_EQ(shaped.message(), "");
      CHECK_EQ(conv.output_height(), out_height);
      CHECK_EQ(conv.output_width(), out_width);
      const Outputs got = run([&] { conv.Run(tensors, pool); });
      if (p.bits != 32) {
        CHECK((got.packed == expected.packed));
        CHECK((got.bytes == expected.bytes));
        CHECK((got.floats.empty() ||
               std::memcmp(got.floats.data(), expected.floats.data(), 4 * got.floats.size()) == 0));
        continue;
      }
      float worst = 0;
      for (size_t i = 0; i < got.floats.size(); ++i)
        worst = std::max(worst, std::fabs(got.floats[i] - expected.floats[i]));
      CHECK(worst < 1e-3f);
    }
  }
}

// All rows for `bits` that this machine runs.
std::vector<std::string> Kernels(int bits) {
  int count = 0;
  const kgn::ConvKernel* rows = kgn::ConvKernels(&count);
  std::vector<std::string> kernels;
  for (int i = 0; i < count; ++i) {
    if ((rows[i].bits & bits) != 0 && kgn::CheckKernelName(rows[i].name).ok())
      kernels.push_back(rows[i].name);
  }
  return kernels;
}

void RunCases(int bits, int cases) {
  const std::vector<std::string> kernels = Kernels(bits);
  std::string names;
  for (const std::string& kernel : kernels) names += " " + kernel;
  MESSAGE(bits, " bits:", names);
  kgn::ThreadPool one(1), two(2), three(3), four(4);
  Random random(1000 + bits);
  for (int i = 0; i < cases; ++i) {
    const Shape shape = i % 2 == 0 ? static_cast<Shape>(i / 2 % kShapes) : kAnyShape;
    const Case c = RandomCase(&random, bits, shape);
    kgn::ThreadPool* more = i % 3 == 0 ? &two : i % 3 == 1 ? &three : &four;
    RunCase(c, kernels, {&one, more}, &random);
  }
}

TEST_CASE("every row equals the reference: 1 bit") { RunCases(1, KGN_RANDOM_CASES); }
TEST_CASE("every row equals the reference: 2 bits") { RunCases(2, KGN_RANDOM_CASES / 2); }
TEST_CASE("every row equals the reference: 4 bits") { RunCases(4, KGN_RANDOM_CASES / 2); }
TEST_CASE("every row is close to the reference: floats") { RunCases(32, KGN_RANDOM_CASES / 2); }

TEST_CASE("refuses impossible convolutions") {
  const std::vector<int32_t> filter(9);
  const std::vector<float> ones(4, 1.0f);
  kgn::ConvWeights weights;
  weights.weights = filter.data();
  weights.multiplier = weights.bias = ones.data();
  ConvParams good;
  good.channels_in = good.channels_out = 1;
  kgn::Conv2D conv;
  CHECK(conv.Prepare(good, weights).ok());
  CHECK(!conv.Reshape(1, 0, 3, 1).ok());
  CHECK(!conv.Reshape(-1, 3, 3, 1).ok());
  CHECK(!conv.Reshape(int64_t{1} << 40, int64_t{1} << 40, 3, 1).ok());  // overflow
  CHECK(!conv.Prepare(good, weights, "no such kernel").ok());
  const auto bad = [&](auto change) {
    ConvParams p = good;
    change(&p);
    const kgn::Status status = conv.Prepare(p, weights);
    CHECK_NE(status.message().find("Received"), std::string::npos);
  };
  bad([](ConvParams* p) { p->bits = 3; });
  bad([](ConvParams* p) { p->out_bits = 3; });
  bad([](ConvParams* p) { p->groups = 2; });
  bad([](ConvParams* p) { p->groups = 0; });
  bad([](ConvParams* p) { p->channels_in = -1; });
  bad([](ConvParams* p) { p->stride_height = 0; });
  bad([](ConvParams* p) { p->kernel_width = 1 << 30; });
  bad([](ConvParams* p) { p->pad_value = 2; });
  bad([](ConvParams* p) { p->bits = 2, p->pad_value = 1; });
  bad([](ConvParams* p) { p->float_output = false; });
  bad([](ConvParams* p) { p->int8_output = true; });
  bad([](ConvParams* p) { p->bits = 2, p->sum = ConvParams::Sum::kPopcount; });
  bad([](ConvParams* p) { p->out_scale = 0; });
  bad([](ConvParams* p) { p->activation_min = 2, p->activation_max = 1; });
  bad([](ConvParams* p) {
    p->channels_in = p->groups = 1, p->kernel_width = p->kernel_height = 5000;
  });
}

}  // namespace
