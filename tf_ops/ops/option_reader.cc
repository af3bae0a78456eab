#include "ops/option_reader.h"

#include <cmath>
#include <string>

#include "ops/error.h"

namespace kgn {
namespace {

std::string Received(const FlexEntry& entry) {
  return " Received: " + entry.key + "=" +
         (entry.is_float ? std::to_string(entry.real) : std::to_string(entry.integer));
}

}  // namespace

int OptionReader::ExpectVersion(int newest) {
  const FlexEntry version = Take("version");
  if (version.is_float || version.integer < 1) {
    throw OpError("expected a version of 1 or more." + Received(version));
  }
  if (version.integer > newest) {
    throw OpError("this library runs op version " + std::to_string(newest) +
                  " and older; install a newer keras_groupnet to run this file." +
                  Received(version));
  }
  return static_cast<int>(version.integer);
}

int OptionReader::OneOf(const char* key, std::initializer_list<int> allowed) {
  const FlexEntry entry = Take(key);
  std::string list;
  for (int value : allowed) {
    if (!entry.is_float && entry.integer == value) return value;
    list += (list.empty() ? "" : ", ") + std::to_string(value);
  }
  throw OpError("expected '" + entry.key + "' to be one of the ints " + list + "." +
                Received(entry));
}

int OptionReader::Size(const char* key, int largest) {
  const FlexEntry entry = Take(key);
  if (entry.is_float || entry.integer < 1 || entry.integer > largest) {
    throw OpError("expected '" + entry.key + "' to be an int from 1 to " + std::to_string(largest) +
                  "." + Received(entry));
  }
  return static_cast<int>(entry.integer);
}

float OptionReader::Real(const char* key) {
  const FlexEntry entry = Take(key);
  const float value = static_cast<float>(entry.is_float ? entry.real : entry.integer);
  if (std::isnan(value))
    throw OpError("expected '" + entry.key + "' to be a number." + Received(entry));
  return value;
}

float OptionReader::Scale(const char* key, int bits) {
  const FlexEntry entry = Take(key);
  const float value = static_cast<float>(entry.is_float ? entry.real : entry.integer);
  if (!(value > 0) || !std::isfinite(value)) {
    throw OpError("expected '" + entry.key + "' to be a finite float above 0." + Received(entry));
  }
  if (bits != 2 && bits != 4 && value != 1) {
    throw OpError("expected '" + entry.key + "' to be 1 where there are no codes of 2 or 4 bits." +
                  Received(entry));
  }
  return value;
}

void OptionReader::ExpectEnd() const {
  if (!entries_.empty()) throw OpError("unknown option." + Received(entries_[0]));
}

FlexEntry OptionReader::Take(const char* key) {
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].key != key) continue;
    const FlexEntry entry = entries_[i];
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
    return entry;
  }
  throw OpError(std::string("expected an option '") + key + "', which is missing");
}

}  // namespace kgn
