#include "ops/options.h"

#include <cmath>
#include <initializer_list>
#include <string>
#include <vector>

#include "ops/error.h"
#include "ops/flexbuffer_reader.h"

namespace kgn {
namespace {

// Sizes past these are nonsense; below them no product of two overflows.
constexpr int kMostChannels = 1 << 24;
constexpr int kMostExtent = 1 << 15;

std::string Received(const FlexEntry& entry) {
  return " Received: " + entry.key + "=" +
         (entry.is_float ? std::to_string(entry.real) : std::to_string(entry.integer));
}

// Hands out the entries of the map one by one; what nobody asked for is unknown.
class OptionReader {
 public:
  OptionReader(const uint8_t* data, size_t size) : entries_(ReadFlexMap(data, size)) {
    // First of all, because a newer version may have keys that we do not know.
    const FlexEntry version = Take("version");
    if (version.is_float || version.integer < 1) {
      throw OpError("expected a version of 1 or more." + Received(version));
    }
    if (version.integer > kOpsVersion) {
      throw OpError("this library runs op version " + std::to_string(kOpsVersion) +
                    " and older; install a newer keras_groupnet to run this file." +
                    Received(version));
    }
  }

  int OneOf(const char* key, std::initializer_list<int> allowed) {
    const FlexEntry entry = Take(key);
    std::string list;
    for (int value : allowed) {
      if (!entry.is_float && entry.integer == value) return value;
      list += (list.empty() ? "" : ", ") + std::to_string(value);
    }
    throw OpError("expected '" + entry.key + "' to be one of the ints " + list + "." +
                  Received(entry));
  }

  bool Flag(const char* key) { return OneOf(key, {0, 1}) == 1; }

  int Size(const char* key, int largest) {
    const FlexEntry entry = Take(key);
    if (entry.is_float || entry.integer < 1 || entry.integer > largest) {
      throw OpError("expected '" + entry.key + "' to be an int from 1 to " +
                    std::to_string(largest) + "." + Received(entry));
    }
    return static_cast<int>(entry.integer);
  }

  // A scale of codes of `bits` bits; where there are no codes it must be 1.
  float Scale(const char* key, int bits) {
    const FlexEntry entry = Take(key);
    const float value = static_cast<float>(entry.is_float ? entry.real : entry.integer);
    if (!(value > 0) || !std::isfinite(value)) {
      throw OpError("expected '" + entry.key + "' to be a finite float above 0." + Received(entry));
    }
    if (bits != 2 && bits != 4 && value != 1) {
      throw OpError("expected '" + entry.key +
                    "' to be 1 where there are no codes of 2 or 4 bits." + Received(entry));
    }
    return value;
  }

  void ExpectEnd() const {
    if (!entries_.empty()) throw OpError("unknown option." + Received(entries_[0]));
  }

 private:
  FlexEntry Take(const char* key) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].key != key) continue;
      const FlexEntry entry = entries_[i];
      entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
      return entry;
    }
    throw OpError(std::string("expected an option '") + key + "', which is missing");
  }

  std::vector<FlexEntry> entries_;
};

void ReadMatmul(OptionReader* reader, MatmulOptions* options) {
  options->bits = reader->OneOf("bits", {1, 2, 4, 32});
  options->channels_in = reader->Size("channels_in", kMostChannels);
  options->pre_activation = reader->Flag("pre_activation");
  options->activation = reader->Flag("activation");
  options->float_output = reader->Flag("float_output");
  options->out_bits = reader->OneOf("out_bits", {0, 1, 2, 4});
  options->out_scale = reader->Scale("out_scale", options->out_bits);
  if (!options->float_output && options->out_bits == 0) {
    throw OpError("expected at least one output. Received: float_output=0, out_bits=0");
  }
}

}  // namespace

QuantizeOptions ParseQuantizeOptions(const uint8_t* data, size_t size) {
  OptionReader reader(data, size);
  QuantizeOptions options;
  options.bits = reader.OneOf("bits", {1, 2, 4});
  options.scale = reader.Scale("scale", options.bits);
  reader.ExpectEnd();
  return options;
}

DequantizeOptions ParseDequantizeOptions(const uint8_t* data, size_t size) {
  OptionReader reader(data, size);
  DequantizeOptions options;
  options.bits = reader.OneOf("bits", {1, 2, 4});
  options.channels = reader.Size("channels", kMostChannels);
  options.scale = reader.Scale("scale", options.bits);
  reader.ExpectEnd();
  return options;
}

Conv2DOptions ParseConv2DOptions(const uint8_t* data, size_t size) {
  OptionReader reader(data, size);
  Conv2DOptions options;
  ReadMatmul(&reader, &options);
  options.groups = reader.Size("groups", kMostChannels);
  options.stride_height = reader.Size("stride_height", kMostExtent);
  options.stride_width = reader.Size("stride_width", kMostExtent);
  options.dilation_height = reader.Size("dilation_height", kMostExtent);
  options.dilation_width = reader.Size("dilation_width", kMostExtent);
  options.padding = static_cast<Padding>(reader.OneOf("padding", {0, 1}));
  options.pad_value = reader.OneOf("pad_value", {-1, 0, 1});
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
  options.bits = reader.OneOf("bits", {1, 2, 4});
  options.channels = reader.Size("channels", kMostChannels);
  options.filter_height = reader.Size("filter_height", kMostExtent);
  options.filter_width = reader.Size("filter_width", kMostExtent);
  options.stride_height = reader.Size("stride_height", kMostExtent);
  options.stride_width = reader.Size("stride_width", kMostExtent);
  options.padding = static_cast<Padding>(reader.OneOf("padding", {0, 1}));
  reader.ExpectEnd();
  return options;
}

}  // namespace kgn
