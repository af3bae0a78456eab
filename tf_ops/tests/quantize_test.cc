// Quantize, dequantize and max pool against the reference.
#include <cstring>
#include <string>
#include <vector>

#include "core/kernels.h"
#include "core/reference.h"
#include "tests/random_data.h"
#include "third_party/doctest/doctest.h"

namespace {

using kgn_test::Random;

void CheckQuantizing(Random* random, kgn::ThreadPool* pool,
                     const std::vector<std::string>& kernels) {
  for (int channels : {1, 3, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128, 257}) {
    for (int bits : {1, 2, 4}) {
      for (bool affine : {false, true}) {
        kgn::QuantizeParams params;
        params.bits = bits;
        params.channels = channels;
        params.scale = bits == 1 ? 1.0f
                                 : static_cast<float>((1 << bits) - 1) /
                                       random->Pick<float>({1.0f, 2.0f, 3.0f});
        const std::vector<float> multiplier = kgn_test::RandomFloats(random, channels, 2);
        const std::vector<float> bias = kgn_test::RandomFloats(random, channels, 1);
        if (affine) params.multiplier = multiplier.data(), params.bias = bias.data();
        const int64_t pixels = random->Int(1, 700);
        const std::vector<float> input = kgn_test::RandomFloats(random, pixels * channels, 2, true);
        std::vector<int32_t> expected(pixels * kgn::PackedWords(channels, bits), -1);
        kgn::ReferenceQuantize(params, pixels, input.data(), expected.data());
        for (const std::string& kernel : kernels) {
          INFO(kernel, " bits ", bits, " channels ", channels, " affine ", affine);
          CHECK(kgn::CheckQuantize(params, kernel).ok());
          std::vector<int32_t> got(expected.size(), -1);
          kgn::Quantize(params, pixels, input.data(), got.data(), pool, kernel);
          CHECK((got == expected));
        }
        kgn::DequantizeParams back;
        back.bits = bits;
        back.channels = channels;
        back.scale = bits == 1 ? 1.0f : 1.0f / params.scale;
        INFO("bits ", bits, " channels ", channels);
        CHECK(kgn::CheckDequantize(back).ok());
        std::vector<float> expected_values(pixels * channels), values(pixels * channels);
        kgn::ReferenceDequantize(back, pixels, expected.data(), expected_values.data());
        kgn::Dequantize(back, pixels, expected.data(), values.data(), pool);
        CHECK_EQ(std::memcmp(values.data(), expected_values.data(), 4 * values.size()), 0);
      }
    }
  }
}

void CheckMaxPooling(Random* random, kgn::ThreadPool* pool) {
  for (int i = 0; i < 400; ++i) {
    kgn::MaxPoolParams params;
    params.bits = random->Pick<int>({1, 2, 4});
    params.channels = random->Pick<int>({1, 3, 31, 32, 33, 64, 100});
    params.filter_height = random->Int(1, 4);
    params.filter_width = random->Int(1, 4);
    params.stride_height = random->Int(1, 3);
    params.stride_width = random->Int(1, 3);
    params.padding = random->Chance(50) ? kgn::Padding::kSame : kgn::Padding::kValid;
    const int batch = random->Int(1, 3), height = random->Int(4, 12), width = random->Int(4, 12);
    const std::vector<int32_t> input =
        kgn_test::RandomPacked(random, batch * height * width, params.channels, params.bits);
    const int64_t pixels = batch *
                           kgn::ConvOutputSize(height, params.filter_height, params.stride_height,
                                               1, params.padding, nullptr) *
                           kgn::ConvOutputSize(width, params.filter_width, params.stride_width, 1,
                                               params.padding, nullptr);
    std::vector<int32_t> expected(pixels * kgn::PackedWords(params.channels, params.bits), -1),
        got(expected.size(), -1);
    const std::vector<int32_t> minimum = kgn_test::RandomPacked(random, 1, params.channels, 1);
    if (random->Chance(30)) params.minimum = minimum.data();
    INFO("case ", i, " bits ", params.bits, " channels ", params.channels);
    CHECK(kgn::CheckMaxPool(params, batch, height, width).ok());
    kgn::ReferenceMaxPool(params, batch, height, width, input.data(), expected.data());
    kgn::MaxPool(params, batch, height, width, input.data(), got.data(), pool);
    // Bits of channels that do not exist stay 0 because SAME padding never makes an empty window.
    CHECK((got == expected));
  }
}

TEST_CASE("quantize and dequantize equal the reference") {
  std::vector<std::string> kernels;
  int count = 0;
  const kgn::QuantizeKernel* rows = kgn::QuantizeKernels(&count);
  for (int i = 0; i < count; ++i) {
    if (kgn::CheckKernelName(rows[i].name).ok()) kernels.push_back(rows[i].name);
  }
  Random random(7);
  for (int threads : {1, 3}) {
    kgn::ThreadPool pool(threads);
    CheckQuantizing(&random, &pool, kernels);
  }
}

TEST_CASE("quantize refuses impossible parameters") {
  kgn::QuantizeParams bad;
  CHECK(!kgn::CheckQuantize(bad).ok());  // no channels
  bad.channels = 3;
  bad.bits = 3;
  CHECK(!kgn::CheckQuantize(bad).ok());
}

TEST_CASE("max pool equals the reference") {
  Random random(9);
  for (int threads : {1, 3}) {
    kgn::ThreadPool pool(threads);
    CheckMaxPooling(&random, &pool);
  }
}

}  // namespace
