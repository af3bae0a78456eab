// The options of the plugin: key and value strings, as `load_delegate(path, options)` and
// `benchmark_model --external_delegate_options` hand them over.
#pragma once

#include <cstddef>
#include <string>

namespace kgn {

struct PluginOptions {
  int num_threads = -1;  // -1: what the runtime recommends
  std::string kernel;    // a row of the kernels table; empty: the best one
  bool profile = false;  // print the time of each op when the delegate is destroyed
};

// Throws OpError for an unknown key or a bad value.
PluginOptions ParsePluginOptions(const char* const* keys, const char* const* values, size_t count);

}  // namespace kgn
