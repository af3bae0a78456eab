// Writes FlexBuffer maps of ints and floats, as a converter does: input for the tests of the
// reader.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace kgn_test {

using Options = std::map<std::string, std::variant<int, float>>;

// Every width is `width` bytes (4 or 8).
inline std::vector<uint8_t> FlexMap(const Options& options, int width = 4) {
  std::vector<uint8_t> out;
  const auto put = [&](uint64_t value) {
    for (int i = 0; i < width; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
  };
  const auto put_offset_to = [&](size_t position) { put(out.size() - position); };
  std::vector<size_t> key_positions;
  for (const auto& entry : options) {
    key_positions.push_back(out.size());
    out.insert(out.end(), entry.first.c_str(), entry.first.c_str() + entry.first.size() + 1);
  }
  put(options.size());
  const size_t keys = out.size();
  for (size_t position : key_positions) put_offset_to(position);
  put_offset_to(keys);
  put(static_cast<uint64_t>(width));
  put(options.size());
  const size_t values = out.size();
  const uint8_t width_code = width == 4 ? 2 : 3;
  std::vector<uint8_t> types;
  for (const auto& entry : options) {
    if (const int* number = std::get_if<int>(&entry.second)) {
      put(static_cast<uint64_t>(int64_t{*number}));
      types.push_back(static_cast<uint8_t>(1 << 2 | width_code));
      continue;
    }
    const float real = std::get<float>(entry.second);
    const double wide = real;
    uint64_t bits = 0;
    if (width == 4) {
      std::memcpy(&bits, &real, 4);  // little endian
    } else {
      std::memcpy(&bits, &wide, 8);
    }
    put(bits);
    types.push_back(static_cast<uint8_t>(3 << 2 | width_code));
  }
  out.insert(out.end(), types.begin(), types.end());
  const size_t root = out.size();
  out.push_back(
      static_cast<uint8_t>(root - values));  // callers keep maps below 256 bytes of values
  out.push_back(static_cast<uint8_t>(9 << 2 | width_code));
  out.push_back(1);
  return out;
}

}  // namespace kgn_test
