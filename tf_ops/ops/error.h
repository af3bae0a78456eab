// How an op refuses a node: by an exception, which the adapters (tflite/) turn into the runtime's
// error status. Ops throw while they are made and prepared, never while they run.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "core/status.h"

namespace kgn {

class OpError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// core/ throws nothing: its errors are statuses.
inline void ThrowIfError(const Status& status) {
  if (!status.ok()) throw OpError(status.message());
}

// "[1, 28, 28, 64]"
inline std::string ToString(const std::vector<int>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace kgn
