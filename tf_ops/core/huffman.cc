#include "core/huffman.h"

#include <new>

#include "core/bitpack.h"

namespace kgn {
namespace {

constexpr int kSymbols = 512;
constexpr int kTaps = 9;
constexpr int kLongest = 15;
constexpr int kWidest = 4;

// The bits of the stream, the highest of a word first. Reading past the end gives zeros; `left`
// tells before.
class BitReader {
 public:
  BitReader(const int32_t* words, int64_t word_count) : words_(words), bits_(32 * word_count) {}

  int64_t left() const { return bits_ - position_; }

  uint32_t Take(int count) {
    uint32_t value = 0;
    for (; count > 0; --count) value = value << 1 | Bit();
    return value;
  }

  uint32_t Bit() {
    if (position_ >= bits_) return 0;
    const uint32_t word = static_cast<uint32_t>(words_[position_ / 32]);
    return word >> (31 - position_++ % 32) & 1u;
  }

 private:
  const int32_t* words_;
  int64_t bits_;
  int64_t position_ = 0;
};

// A canonical code. Those of one length are consecutive numbers, so a code of `length` bits stands
// for symbols[start[length] + code - first[length]].
struct Code {
  int count[kLongest + 1] = {};       // symbols of this length
  uint32_t first[kLongest + 1] = {};  // the lowest code of this length
  int start[kLongest + 1] = {};
  uint16_t symbols[kSymbols] = {};  // in the order of (length, symbol)
};

Status ReadCode(BitReader* in, Code* code) {
  constexpr int kHead = 4 + 3 + kSymbols;
  if (in->left() < kHead) {
    return Status::Error("compressed weights: expected a table of %d bits. Received: %lld bits",
                         kHead, static_cast<long long>(in->left()));
  }
  const int shortest = static_cast<int>(in->Take(4));
  const int width = static_cast<int>(in->Take(3));
  if (shortest < 1 || width > kWidest) {
    return Status::Error(
        "compressed weights: expected a shortest code of 1 to %d bits and length fields of 0 to %d "
        "bits. Received: shortest=%d, width=%d",
        kLongest, kWidest, shortest, width);
  }
  bool present[kSymbols];
  int symbols = 0;
  for (bool& has_code : present) {
    has_code = in->Bit() != 0;
    symbols += has_code;
  }
  if (in->left() < static_cast<int64_t>(symbols) * width) {
    return Status::Error(
        "compressed weights: expected %d lengths of %d bits. Received: a stream that ends in them",
        symbols, width);
  }
  uint8_t lengths[kSymbols] = {};
  uint32_t space = 0;  // taken, in units of 2^-kLongest
  for (int symbol = 0; symbol < kSymbols; ++symbol) {
    if (!present[symbol]) continue;
    const int length = shortest + static_cast<int>(in->Take(width));
    if (length > kLongest) {
      return Status::Error(
          "compressed weights: expected codes of 1 to %d bits. Received: symbol %d with %d",
          kLongest, symbol, length);
    }
    lengths[symbol] = static_cast<uint8_t>(length);
    ++code->count[length];
    space += 1u << (kLongest - length);
  }
  const bool single = symbols == 1 && code->count[1] == 1;
  if (space != 1u << kLongest && !single) {
    return Status::Error(
        "compressed weights: expected code lengths that fill the code space. Received: %d symbols "
        "that take %g of it",
        symbols, static_cast<double>(space) / (1 << kLongest));
  }
  uint32_t next = 0;
  int start = 0;
  for (int length = 1; length <= kLongest; ++length) {
    next <<= 1;
    code->first[length] = next;
    code->start[length] = start;
    next += static_cast<uint32_t>(code->count[length]);
    start += code->count[length];
  }
  int filled[kLongest + 1] = {};
  for (int symbol = 0; symbol < kSymbols; ++symbol) {
    const int length = lengths[symbol];
    if (length == 0) continue;
    code->symbols[code->start[length] + filled[length]++] = static_cast<uint16_t>(symbol);
  }
  return Status::Ok();
}

// The next symbol; -1 if the bits are no code or the stream has ended.
int TakeSymbol(BitReader* in, const Code& code) {
  uint32_t value = 0;
  for (int length = 1; length <= kLongest; ++length) {
    if (in->left() == 0) return -1;
    value = value << 1 | in->Bit();
    // Codes below the first of this length have been taken as shorter ones.
    const uint32_t offset = value - code.first[length];
    if (offset < static_cast<uint32_t>(code.count[length])) {
      return code.symbols[code.start[length] + static_cast<int>(offset)];
    }
  }
  return -1;
}

Status ReadKernels(BitReader* in, const Code& code, int64_t channels_out, int64_t depth,
                   int32_t* weights) {
  const int64_t words = WordsFor(depth);
  for (int64_t o = 0; o < channels_out; ++o) {
    for (int64_t word = 0; word < words; ++word) {
      uint32_t negative[kTaps] = {};
      for (int64_t i = 32 * word; i < depth && i < 32 * (word + 1); ++i) {
        const int symbol = TakeSymbol(in, code);
        if (symbol < 0) {
          return Status::Error(
              "compressed weights: expected %lld kernels. Received: a stream that ends or breaks "
              "in number %lld",
              static_cast<long long>(channels_out * depth), static_cast<long long>(o * depth + i));
        }
        for (int tap = 0; tap < kTaps; ++tap) {
          negative[tap] |= (~static_cast<uint32_t>(symbol) >> (kTaps - 1 - tap) & 1u) << (i % 32);
        }
      }
      for (int tap = 0; tap < kTaps; ++tap) {
        weights[(o * kTaps + tap) * words + word] = static_cast<int32_t>(negative[tap]);
      }
    }
  }
  const int64_t rest = in->left();
  if (rest >= 32 || in->Take(static_cast<int>(rest)) != 0) {
    return Status::Error(
        "compressed weights: expected zeros up to the end of the word after %lld kernels. "
        "Received: %lld more bits",
        static_cast<long long>(channels_out * depth), static_cast<long long>(rest));
  }
  return Status::Ok();
}

}  // namespace

Status DecodeKernels(const int32_t* words, int64_t word_count, int64_t channels_out, int64_t depth,
                     std::vector<int32_t>* weights) {
  weights->clear();
  BitReader in(words, word_count);
  Code code;
  KGN_RETURN_IF_ERROR(ReadCode(&in, &code));
  // A kernel takes a bit at least: what is asked for in vain is refused before it gets memory.
  int64_t kernels, size;
  if (!MultiplyChecked(channels_out, depth, &kernels) || kernels > in.left() ||
      !MultiplyChecked(channels_out, kTaps * WordsFor(depth), &size)) {
    return Status::Error(
        "compressed weights: expected %lld x %lld kernels. Received: a stream with %lld bits for "
        "them",
        static_cast<long long>(channels_out), static_cast<long long>(depth),
        static_cast<long long>(in.left()));
  }
  try {
    weights->resize(static_cast<size_t>(size));
  } catch (const std::bad_alloc&) {
    return Status::Error("compressed weights: out of memory for %lld words",
                         static_cast<long long>(size));
  }
  const Status status = ReadKernels(&in, code, channels_out, depth, weights->data());
  if (!status.ok()) weights->clear();
  return status;
}

}  // namespace kgn
