// The scale map against the reference, bit for bit.
#include "core/scale_map.h"

#include <cstring>
#include <vector>

#include "core/reference.h"
#include "tests/random_data.h"
#include "third_party/doctest/doctest.h"

namespace {

using kgn_test::Random;

void CheckAgainstReference(Random* random, kgn::ThreadPool* pool) {
  for (int i = 0; i < 300; ++i) {
    kgn::ScaleMapParams params;
    params.kernel_height = random->Int(1, 5);
    params.kernel_width = random->Int(1, 5);
    params.stride_height = random->Int(1, 3);
    params.stride_width = random->Int(1, 3);
    params.dilation_height = random->Int(1, 2);
    params.dilation_width = random->Int(1, 2);
    params.padding = random->Chance(50) ? kgn::Padding::kSame : kgn::Padding::kValid;
    const int64_t batch = random->Int(1, 3), height = random->Int(9, 30),
                  width = random->Int(9, 30);
    const int64_t channels = random->Pick<int>({1, 3, 15, 16, 17, 32, 64, 100});
    const std::vector<float> input =
        kgn_test::RandomFloats(random, batch * height * width * channels, 3);
    const bool affine = random->Chance(50);
    const std::vector<float> multiplier = kgn_test::RandomFloats(random, channels, 2);
    const std::vector<float> bias = kgn_test::RandomFloats(random, channels, 1);
    const float* m = affine ? multiplier.data() : nullptr;
    const float* b = affine ? bias.data() : nullptr;
    kgn::ScaleMap map;
    INFO("case ", i);
    CHECK(map.Reshape(params, batch, height, width, channels).ok());
    std::vector<float> expected(batch * map.output_height() * map.output_width(), -1);
    std::vector<float> got(expected.size(), -2);
    kgn::ReferenceScaleMap(params, batch, height, width, channels, input.data(), m, b,
                           expected.data());
    for (int run = 0; run < 2; ++run) map.Run(input.data(), m, b, got.data(), pool);
    CHECK_EQ(std::memcmp(got.data(), expected.data(), 4 * got.size()), 0);
  }
}

// By hand: |x| = 1 everywhere, two channels, 3x3 at the border of a 4x4 map.
void CheckBorder(kgn::ThreadPool* pool) {
  kgn::ScaleMapParams params;
  params.kernel_height = params.kernel_width = 3;
  std::vector<float> input(4 * 4 * 2, 1.0f), got(16);
  for (size_t i = 0; i < input.size(); i += 3) input[i] = -1.0f;
  kgn::ScaleMap map;
  CHECK(map.Reshape(params, 1, 4, 4, 2).ok());
  map.Run(input.data(), nullptr, nullptr, got.data(), pool);
  const float ninth = 2.0f * static_cast<float>(1.0 / 18);
  CHECK_EQ(got[0], 4 * ninth);
  CHECK_EQ(got[1], 6 * ninth);
  CHECK_EQ(got[5], 9 * ninth);
}

TEST_CASE("refuses impossible maps") {
  kgn::ScaleMapParams params;
  params.kernel_height = params.kernel_width = 3;
  kgn::ScaleMap map;
  CHECK(!map.Reshape(params, 0, 4, 4, 2).ok());  // no images
  CHECK(!map.Reshape(params, 1, 4, 4, 0).ok());  // no channels
  params.padding = kgn::Padding::kValid;
  CHECK(!map.Reshape(params, 1, 2, 4, 2).ok());  // smaller than the window
  params.padding = kgn::Padding::kSame;
  params.kernel_width = 255;
  params.dilation_width = 1 << 15;
  CHECK(!map.Reshape(params, 1 << 15, 1 << 15, 1, 1).ok());  // too large
}

TEST_CASE("the scale map equals the reference") {
  Random random(11);
  for (int threads : {1, 3}) {
    kgn::ThreadPool pool(threads);
    CheckAgainstReference(&random, &pool);
  }
}

TEST_CASE("the border of a map") {
  for (int threads : {1, 3}) {
    kgn::ThreadPool pool(threads);
    CheckBorder(&pool);
  }
}

}  // namespace
