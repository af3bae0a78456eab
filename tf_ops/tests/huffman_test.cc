// Compressed weights: good streams give back their kernels, bad ones are refused and never read out
// of bounds (run it with -DKGN_SANITIZE=address,undefined).
#include "core/huffman.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/bitpack.h"
#include "ops/op.h"
#include "tests/contains.h"
#include "tests/flex.h"
#include "third_party/doctest/doctest.h"

namespace kgn {
namespace {

using kgn_test::Contains;

// Bits in the order of the stream.
class BitWriter {
 public:
  void Put(uint32_t value, int count) {
    for (int i = count - 1; i >= 0; --i) bits_.push_back(value >> i & 1u);
  }
  std::vector<int32_t> words() const {
    std::vector<uint32_t> words((bits_.size() + 31) / 32);
    for (size_t i = 0; i < bits_.size(); ++i) {
      words[i / 32] |= static_cast<uint32_t>(bits_[i]) << (31 - i % 32);
    }
    return std::vector<int32_t>(words.begin(), words.end());
  }

 private:
  std::vector<bool> bits_;
};

using Lengths = std::map<int, int>;  // of the symbols that have a code

void PutTable(const Lengths& lengths, int shortest, int width, BitWriter* out) {
  out->Put(static_cast<uint32_t>(shortest), 4);
  out->Put(static_cast<uint32_t>(width), 3);
  for (int symbol = 0; symbol < 512; ++symbol) out->Put(lengths.count(symbol) != 0, 1);
  for (const auto& [symbol, length] : lengths) {
    out->Put(static_cast<uint32_t>(length - shortest), width);
  }
}

// Canonical codes the slow way, as docs/ops.md words it.
std::map<int, uint32_t> Codes(const Lengths& lengths) {
  std::map<int, uint32_t> codes;
  uint32_t next = 0;
  int before = 0;
  for (int length = 1; length <= 15; ++length) {
    for (const auto& [symbol, its_length] : lengths) {
      if (its_length != length) continue;
      if (before != 0) next = (next + 1) << (length - before);
      before = length;
      codes[symbol] = next;
    }
  }
  return codes;
}

// A mixture of lengths that fills the code space and has symbols at both ends.
const Lengths kLengths = {{0, 2}, {7, 3}, {371, 1}, {510, 4}, {511, 4}};

std::vector<int32_t> Stream(const Lengths& lengths, const std::vector<int>& symbols, int shortest,
                            int width) {
  BitWriter out;
  PutTable(lengths, shortest, width, &out);
  const auto codes = Codes(lengths);
  for (int symbol : symbols) out.Put(codes.at(symbol), lengths.at(symbol));
  return out.words();
}

std::vector<int> RandomSymbols(const Lengths& lengths, int64_t count) {
  std::mt19937 random(3);
  std::vector<int> known;
  for (const auto& entry : lengths) known.push_back(entry.first);
  std::vector<int> symbols;
  for (int64_t i = 0; i < count; ++i) symbols.push_back(known[random() % known.size()]);
  return symbols;
}

std::vector<int32_t> Pack(const std::vector<int>& symbols, int64_t channels_out, int64_t depth) {
  const int64_t row = WordsFor(depth);
  std::vector<uint32_t> words(static_cast<size_t>(channels_out * 9 * row));
  for (int64_t o = 0; o < channels_out; ++o) {
    for (int64_t i = 0; i < depth; ++i) {
      for (int tap = 0; tap < 9; ++tap) {
        const bool negative = (symbols[static_cast<size_t>(o * depth + i)] >> (8 - tap) & 1) == 0;
        words[static_cast<size_t>((o * 9 + tap) * row + i / 32)] |= uint32_t{negative} << (i % 32);
      }
    }
  }
  return std::vector<int32_t>(words.begin(), words.end());
}

std::string Refusal(const std::vector<int32_t>& stream, int64_t channels_out, int64_t depth) {
  std::vector<int32_t> weights;
  const Status status = DecodeKernels(stream.data(), static_cast<int64_t>(stream.size()),
                                      channels_out, depth, &weights);
  CHECK((status.ok() || weights.empty()));
  return status.message();
}

TEST_CASE("restores kernels") {
  for (const auto& [channels_out, depth] :
       {std::pair<int64_t, int64_t>{1, 1}, {5, 3}, {2, 31}, {3, 32}, {4, 33}, {7, 100}}) {
    const std::vector<int> symbols = RandomSymbols(kLengths, channels_out * depth);
    const std::vector<int32_t> stream = Stream(kLengths, symbols, 1, 2);
    std::vector<int32_t> weights;
    const Status status = DecodeKernels(stream.data(), static_cast<int64_t>(stream.size()),
                                        channels_out, depth, &weights);
    CHECK_EQ(status.message(), "");
    CHECK(weights == Pack(symbols, channels_out, depth));
  }
}

// Oracle H1: [[1, -1, 1], [1, 1, -1], [-1, 1, 1]] is 371; packed, the bits of -1 are set.
TEST_CASE("orders the bits of a kernel as the oracle does") {
  const std::vector<int32_t> stream = Stream({{371, 1}}, {371}, 1, 0);
  std::vector<int32_t> weights;
  CHECK(DecodeKernels(stream.data(), static_cast<int64_t>(stream.size()), 1, 1, &weights).ok());
  CHECK((weights == std::vector<int32_t>{0, 1, 0, 0, 0, 1, 1, 0, 0}));
}

TEST_CASE("restores uniform and longest and single codes") {
  Lengths uniform, longest;
  for (int symbol = 0; symbol < 512; ++symbol) uniform[symbol] = 9;
  for (int i = 0; i < 14; ++i) longest[i * 30] = i + 1;
  longest[500] = longest[501] = 15;
  for (const auto& [lengths, shortest, width] :
       {std::tuple<Lengths, int, int>{uniform, 9, 0}, {longest, 1, 4}, {{{77, 1}}, 1, 0}}) {
    const std::vector<int> symbols = RandomSymbols(lengths, 640);
    const std::vector<int32_t> stream = Stream(lengths, symbols, shortest, width);
    std::vector<int32_t> weights;
    const Status status =
        DecodeKernels(stream.data(), static_cast<int64_t>(stream.size()), 10, 64, &weights);
    CHECK_EQ(status.message(), "");
    CHECK(weights == Pack(symbols, 10, 64));
  }
}

// The outputs of a 3x3 convolution on random activations, with one kernel of the table.
std::vector<float> Convolved(const std::vector<int32_t>& weights, bool compressed, int groups,
                             const std::string& kernel) {
  constexpr int kChannels = 68, kSize = 5;
  kgn_test::Options options = {
      {"version", 1},        {"bits", 1},         {"channels_in", kChannels}, {"groups", groups},
      {"stride_height", 1},  {"stride_width", 1}, {"dilation_height", 1},     {"padding", 0},
      {"dilation_width", 1}, {"pad_value", 1},    {"pre_activation", 0},      {"activation", 1},
      {"float_output", 1},   {"out_bits", 0},     {"out_scale", 1.0f}};
  Shape shape = {kChannels, 3, 3, static_cast<int>(WordsFor(kChannels / groups))};
  if (compressed) {
    options["version"] = 2, options["compression"] = 1;
    shape = {static_cast<int>(weights.size())};
  }
  std::mt19937 random(9);
  std::vector<int32_t> input(kSize * kSize * WordsFor(kChannels));
  for (int32_t& word : input) word = static_cast<int32_t>(random());
  const std::vector<float> ones(kChannels, 1.0f);
  std::vector<float> output(kSize * kSize * kChannels);

  ThreadPool pool(1);
  const std::vector<uint8_t> data = kgn_test::FlexMap(options);
  const auto op = MakeOp("KgnConv2D", data.data(), data.size(), kernel);
  const InputSpec vector = {true, ElementType::kFloat32, {kChannels}, ones.data()};
  op->Prepare({{true, ElementType::kInt32, {1, kSize, kSize, 3}},
               {true, ElementType::kInt32, shape, weights.data()},
               vector,
               vector},
              &pool);
  const void* inputs[] = {input.data(), weights.data(), ones.data(), ones.data()};
  void* outputs[] = {output.data()};
  op->Run(inputs, outputs);
  return output;
}

TEST_CASE("a convolution of compressed weights equals that of packed ones") {
  for (int groups : {1, 2}) {
    const std::vector<int> symbols = RandomSymbols(kLengths, 68 * 68 / groups);
    const std::vector<int32_t> packed = Pack(symbols, 68, 68 / groups);
    for (const char* kernel : {"", "scalar"}) {
      const std::vector<float> expected = Convolved(packed, false, groups, kernel);
      CHECK(Convolved(Stream(kLengths, symbols, 1, 2), true, groups, kernel) == expected);
      CHECK(expected != std::vector<float>(expected.size(), expected[0]));
    }
  }
}

TEST_CASE("refuses bad streams") {
  const std::vector<int> symbols = RandomSymbols(kLengths, 64);
  const std::vector<int32_t> good = Stream(kLengths, symbols, 1, 2);
  CHECK_EQ(Refusal(good, 2, 32), "");
  for (size_t size = 0; size < good.size(); ++size) {
    CHECK(Refusal({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}, 2, 32) != "");
  }
  CHECK(Contains(Refusal({}, 2, 32), "a table of 519 bits. Received: 0 bits"));
  std::vector<int32_t> longer = good;
  longer.push_back(0);
  CHECK(Contains(Refusal(longer, 2, 32), "zeros up to the end of the word"));
  CHECK(Refusal(good, 2, 31) != "");
  CHECK(Refusal(good, 3, 32) != "");
  CHECK(Contains(Refusal(good, int64_t{1} << 24, int64_t{1} << 24), "kernels"));
  CHECK(Contains(Refusal(good, int64_t{1} << 40, int64_t{1} << 40), "kernels"));

  CHECK(Contains(Refusal(Stream({{5, 1}}, {5}, 0, 1), 1, 1), "shortest=0, width=1"));
  CHECK(Contains(Refusal(Stream({{5, 1}}, {5}, 1, 5), 1, 1), "shortest=1, width=5"));
  CHECK(Contains(Refusal(Stream({}, {}, 1, 0), 1, 1), "0 symbols"));
  CHECK(Contains(Refusal(Stream({{5, 2}}, {5}, 2, 0), 1, 1), "fill the code space"));
  CHECK(Contains(Refusal(Stream({{5, 1}, {6, 2}}, {5}, 1, 1), 1, 1), "2 symbols"));
  CHECK(
      Contains(Refusal(Stream({{5, 1}, {6, 1}, {7, 1}}, {5}, 1, 0), 1, 1), "that take 1.5 of it"));
  CHECK(Contains(Refusal(Stream({{5, 14}, {6, 16}}, {}, 14, 2), 1, 1), "symbol 6 with 16"));
  BitWriter no_code;  // the single code is 0
  PutTable({{5, 1}}, 1, 0, &no_code);
  no_code.Put(1, 1);
  CHECK(Contains(Refusal(no_code.words(), 1, 1), "breaks in number 0"));
  BitWriter dirty;
  PutTable({{5, 1}}, 1, 0, &dirty);
  dirty.Put(1, 9);
  CHECK(Contains(Refusal(dirty.words(), 1, 1), "zeros up to the end of the word"));
  BitWriter cut;
  PutTable({}, 1, 4, &cut);
  std::vector<int32_t> all_present = cut.words();
  for (int i = 0; i < 16; ++i) all_present[static_cast<size_t>(i)] |= 0x01ffffff;
  CHECK(Contains(Refusal(all_present, 1, 1), "a stream that ends in them"));
}

TEST_CASE("survives damaged streams") {
  std::mt19937 random(1);
  const std::vector<int32_t> good = Stream(kLengths, RandomSymbols(kLengths, 64), 1, 2);
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::vector<int32_t> damaged = good;
    for (unsigned changes = random() % 4 + 1; changes > 0; --changes) {
      damaged[random() % damaged.size()] ^= static_cast<int32_t>(1u << random() % 32);
    }
    refused += Refusal(damaged, 2, 32) != "";
  }
  CHECK(refused > 10000);
}

}  // namespace
}  // namespace kgn
