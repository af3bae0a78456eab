// Options: good ones are read, bad ones refused with the reason, damaged ones never read out of
// bounds (run it with -DKGN_SANITIZE=address,undefined).
#include <functional>
#include <random>
#include <string>

#include "ops/error.h"
#include "ops/flexbuffer_reader.h"
#include "ops/options.h"
#include "tests/contains.h"
#include "tests/flex.h"
#include "third_party/doctest/doctest.h"

namespace kgn {
namespace {

using kgn_test::Contains;
using kgn_test::FlexMap;
using kgn_test::Options;

Options ConvOptions() {
  return {{"version", 1},       {"bits", 2},         {"channels_in", 64},    {"groups", 4},
          {"stride_height", 2}, {"stride_width", 3}, {"dilation_height", 1}, {"dilation_width", 5},
          {"padding", 1},       {"pad_value", 0},    {"pre_activation", 1},  {"activation", 0},
          {"float_output", 1},  {"out_bits", 4},     {"out_scale", 7.5f}};
}

// The message with which the conv options are refused; empty if they are not.
std::string Refusal(const Options& options) {
  const std::vector<uint8_t> data = FlexMap(options);
  try {
    ParseConv2DOptions(data.data(), data.size());
    return "";
  } catch (const OpError& error) {
    return error.what();
  }
}

TEST_CASE("reads good options") {
  for (int width : {4, 8}) {
    const std::vector<uint8_t> data = FlexMap(ConvOptions(), width);
    const Conv2DOptions options = ParseConv2DOptions(data.data(), data.size());
    CHECK_EQ(options.bits, 2);
    CHECK_EQ(options.channels_in, 64);
    CHECK_EQ(options.groups, 4);
    CHECK_EQ(options.stride_height, 2);
    CHECK_EQ(options.stride_width, 3);
    CHECK_EQ(options.dilation_height, 1);
    CHECK_EQ(options.dilation_width, 5);
    CHECK(options.padding == Padding::kValid);
    CHECK_EQ(options.pad_value, 0);
    CHECK_EQ(options.pre_activation, true);
    CHECK(options.activation == ConvParams::Activation::kNone);
    CHECK_EQ(options.float_output, true);
    CHECK_EQ(options.out_bits, 4);
    CHECK_EQ(options.out_scale, 7.5f);
  }
  const std::vector<uint8_t> quantize = FlexMap({{"version", 1}, {"bits", 4}, {"scale", 15}});
  CHECK_EQ(ParseQuantizeOptions(quantize.data(), quantize.size()).scale, 15.0f);
  const std::vector<uint8_t> negative = FlexMap({{"version", 1}, {"x", -7}});
  CHECK_EQ(ReadFlexMap(negative.data(), negative.size())[1].integer, -7);
}

TEST_CASE("reads whether weights are compressed") {
  Options options = ConvOptions();
  const auto compressed = [&] {
    const std::vector<uint8_t> data = FlexMap(options);
    return ParseConv2DOptions(data.data(), data.size()).compressed;
  };
  CHECK_EQ(compressed(), false);
  options["version"] = 2;
  options["compression"] = 0;
  CHECK_EQ(compressed(), false);
  options["compression"] = 1;
  CHECK_EQ(compressed(), true);
  options["compression"] = 2;
  CHECK(Contains(Refusal(options), "0, 1. Received: compression=2"));
}

TEST_CASE("reads the general activation") {
  Options options = ConvOptions();
  options["version"] = 3;
  options["compression"] = 0;
  options["activation"] = 3;
  options["activation_min"] = -1.0f;
  options["activation_max"] = 6;
  const std::vector<uint8_t> data = FlexMap(options);
  const Conv2DOptions parsed = ParseConv2DOptions(data.data(), data.size());
  CHECK(parsed.activation == ConvParams::Activation::kAfterAddends);
  CHECK_EQ(parsed.activation_min, -1.0f);
  CHECK_EQ(parsed.activation_max, 6.0f);
  options["activation"] = 1;
  CHECK(Contains(Refusal(options), "infinite unless 'activation' is 2 or 3"));
  options["activation"] = 2;
  options["activation_max"] = -2.0f;
  CHECK(Contains(Refusal(options), "not to be above 'activation_max'"));
  options["activation_max"] = std::stof("nan");
  CHECK(Contains(Refusal(options), "'activation_max' to be a number"));
  options["version"] = 2;
  CHECK(Contains(Refusal(options), "0, 1. Received: activation=2"));
}

TEST_CASE("refuses bad options") {
  const auto with = [](const std::string& key, std::variant<int, float> value) {
    Options options = ConvOptions();
    options[key] = value;
    return Refusal(options);
  };
  CHECK_EQ(Refusal(ConvOptions()), "");
  CHECK(Contains(with("version", 4), "install a newer"));
  CHECK(Contains(with("version", 0), "version=0"));
  CHECK(Contains(with("bits", 3), "1, 2, 4, 32. Received: bits=3"));
  CHECK(Contains(with("bits", 2.0f), "bits=2.0"));
  CHECK(Contains(with("groups", 5), "groups=5, channels_in=64"));
  CHECK(Contains(with("channels_in", 0), "channels_in=0"));
  CHECK(Contains(with("stride_width", -1), "stride_width=-1"));
  CHECK(Contains(with("dilation_height", 1 << 20), "dilation_height"));
  CHECK(Contains(with("pad_value", 1), "pad_value=1, bits=2"));
  CHECK(Contains(with("pre_activation", 2), "pre_activation=2"));
  CHECK(Contains(with("out_scale", 0.0f), "out_scale=0"));
  CHECK(Contains(with("out_scale", std::stof("nan")), "out_scale"));
  CHECK(Contains(with("out_bits", 1), "out_scale=7.5"));
  CHECK(Contains(with("compression", 0), "unknown option. Received: compression=0"));
  CHECK(Contains(with("version", 2), "'compression', which is missing"));
  CHECK(Contains(with("colour", 1), "unknown option. Received: colour=1"));
  Options none = ConvOptions();
  none["float_output"] = 0, none["out_bits"] = 0, none["out_scale"] = 1.0f;
  CHECK(Contains(Refusal(none), "at least one output"));
  for (const auto& entry : ConvOptions()) {
    Options missing = ConvOptions();
    missing.erase(entry.first);
    CHECK(Contains(Refusal(missing), "'" + entry.first + "', which is missing"));
  }
}

// Feeds `data` to every parser; each must return or throw OpError. A copy without spare capacity
// lets the address sanitizer see the first byte too many.
void Survives(const std::vector<uint8_t>& data) {
  const std::vector<uint8_t> exact(data.begin(), data.end());
  const std::function<void()> parsers[] = {
      [&] { ParseConv2DOptions(exact.data(), exact.size()); },
      [&] { ParseDenseOptions(exact.data(), exact.size()); },
      [&] { ParseQuantizeOptions(exact.data(), exact.size()); },
      [&] { ParseDequantizeOptions(exact.data(), exact.size()); },
      [&] { ParseMaxPool2DOptions(exact.data(), exact.size()); },
      [&] { ParseScaleMapOptions(exact.data(), exact.size()); },
  };
  for (const auto& parse : parsers) {
    try {
      parse();
    } catch (const OpError& error) {
      CHECK(error.what()[0] != '\0');
    }
  }
}

TEST_CASE("survives damaged options") {
  std::mt19937 random(1);
  for (int width : {4, 8}) {
    const std::vector<uint8_t> good = FlexMap(ConvOptions(), width);
    for (size_t size = 0; size < good.size(); ++size) {
      Survives({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)});
      Survives({good.end() - static_cast<std::ptrdiff_t>(size), good.end()});
    }
    for (int i = 0; i < 5000; ++i) {
      std::vector<uint8_t> damaged = good;
      for (unsigned changes = random() % 4 + 1; changes > 0; --changes) {
        damaged[random() % damaged.size()] = static_cast<uint8_t>(random());
      }
      Survives(damaged);
    }
  }
  for (int i = 0; i < 5000; ++i) {
    std::vector<uint8_t> noise(random() % 64);
    for (uint8_t& byte : noise) byte = static_cast<uint8_t>(random());
    if (noise.size() > 2 && i % 2) {  // get past the first checks
      noise[noise.size() - 1] = static_cast<uint8_t>(1u << random() % 4);
      noise[noise.size() - 2] = static_cast<uint8_t>(9 << 2 | random() % 4);
    }
    Survives(noise);
  }
}

}  // namespace
}  // namespace kgn
