// Bits of bytes and bytes of bits, one value at a time beside all at once; rounding to int8.
#include "core/byte_signs.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/bitpack.h"
#include "core/round_int8.h"
#include "tests/random_data.h"
#include "third_party/doctest/doctest.h"

namespace {

using kgn_test::Random;

bool BitOf(const std::vector<int32_t>& words, int64_t pixel, int64_t channels, int64_t c) {
  const auto word = static_cast<uint32_t>(words[pixel * kgn::WordsFor(channels) + c / 32]);
  return word >> (c % 32) & 1;
}

void CheckPacking(int64_t pixels, int64_t channels, int threads, Random* random) {
  kgn::ThreadPool pool(threads);
  std::vector<int8_t> values(pixels * channels);
  for (int8_t& value : values) value = static_cast<int8_t>(random->Int(-128, 127));
  const auto threshold = static_cast<int8_t>(random->Pick<int>({-128, -1, 0, 1, 5, 127}));
  std::vector<int32_t> words(pixels * kgn::WordsFor(channels), -1);
  kgn::PackBytesBelow(values.data(), pixels, channels, threshold, words.data(), &pool);
  std::vector<int8_t> bytes(pixels * channels + 1, 99);
  const auto zero = static_cast<int8_t>(random->Int(-128, 127));
  const auto one = static_cast<int8_t>(random->Int(-128, 127));
  kgn::UnpackToBytes(words.data(), pixels, channels, zero, one, bytes.data(), &pool);
  int wrong = 0;
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int64_t c = 0; c < 32 * kgn::WordsFor(channels); ++c) {
      const bool below = c < channels && values[pixel * channels + c] < threshold;
      wrong += BitOf(words, pixel, channels, c) != below;
      if (c < channels) wrong += bytes[pixel * channels + c] != (below ? one : zero);
    }
  }
  INFO(pixels, " pixels of ", channels, " channels");
  CHECK_EQ(wrong, 0);
  CHECK_EQ(bytes.back(), 99);  // nothing behind the end
}

TEST_CASE("rounds to int8") {
  Random random(8);
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> given = {0.0f,      -0.0f,    0.49999997f,  -0.49999997f, 127.49999f,
                              1e20f,     infinity, -128.5f,      -128.49999f,  -1e20f,
                              -infinity, 32768.0f, std::nanf("")};
  for (int quarter = -600; quarter <= 600; ++quarter)
    given.push_back(0.25f * static_cast<float>(quarter));
  while (given.size() < 5000) given.push_back(150 * random.Float());
  std::vector<int8_t> got(given.size());
  for (size_t first : {0, 1, 4990}) {  // any alignment, any rest
    const size_t count = given.size() - first;
    kgn::RoundToInt8(given.data() + first, static_cast<int64_t>(count), got.data());
    for (size_t i = 0; i < count; ++i) {
      const float x = std::round(given[first + i]);  // half away from zero
      const int expected = static_cast<int>(std::fmin(std::fmax(x, -128.0f), 127.0f));  // NaN: -128
      INFO(given[first + i]);
      CHECK_EQ(got[i], expected);
    }
  }
}

TEST_CASE("packs and unpacks bytes") {
  Random random(7);
  for (int64_t channels : {1, 7, 8, 31, 32, 33, 64, 100}) {
    CheckPacking(5, channels, 1, &random);
    CheckPacking(random.Int(1, 9), channels, 3, &random);
  }
  CheckPacking(3000, 70, 3, &random);
}

}  // namespace
