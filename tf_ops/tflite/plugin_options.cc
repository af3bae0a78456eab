#include "tflite/plugin_options.h"

#include <cstdlib>

#include "core/kernels.h"
#include "ops/error.h"

namespace kgn {
namespace {

constexpr int kMaxThreads = 256;

int ParseThreads(const std::string& value) {
  char* end = nullptr;
  const long number = std::strtol(value.c_str(), &end, 10);
  if (value.empty() || *end != '\0' || number < -1 || number == 0 || number > kMaxThreads) {
    throw OpError("num_threads: expected -1 (what the runtime recommends) or 1 to " +
                  std::to_string(kMaxThreads) + ". Received: num_threads=" + value);
  }
  return static_cast<int>(number);
}

bool ParseFlag(const std::string& key, const std::string& value) {
  if (value != "0" && value != "1") {
    throw OpError(key + ": expected 0 or 1. Received: " + key + "=" + value);
  }
  return value == "1";
}

}  // namespace

PluginOptions ParsePluginOptions(const char* const* keys, const char* const* values, size_t count) {
  PluginOptions options;
  for (size_t i = 0; i < count; ++i) {
    const std::string key = keys[i] ? keys[i] : "";
    const std::string value = values[i] ? values[i] : "";
    if (key == "num_threads") {
      options.num_threads = ParseThreads(value);
    } else if (key == "kernel") {
      ThrowIfError(CheckKernelName(value));
      options.kernel = value;
    } else if (key == "profile") {
      options.profile = ParseFlag(key, value);
    } else {
      throw OpError("expected the options num_threads, kernel or profile. Received: " + key + "=" +
                    value);
    }
  }
  return options;
}

}  // namespace kgn
