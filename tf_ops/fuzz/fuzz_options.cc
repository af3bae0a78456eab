// The options of every op, read from hostile bytes: a value or an OpError, nothing else.
#include <cstddef>
#include <cstdint>

#include "ops/error.h"
#include "ops/op.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const kgn::OpEntry& op : kgn::kOps) {
    try {
      op.make(data, size, "");
    } catch (const kgn::OpError&) {
    }
  }
  return 0;
}
