#include "ops/op.h"

#include "ops/error.h"
#include "ops/make_ops.h"

namespace kgn {

const char* const kOpNames[] = {"KgnQuantize",  "KgnConv2D",     "KgnDense",
                                "KgnMaxPool2D", "KgnDequantize", nullptr};

std::unique_ptr<Op> MakeOp(const std::string& name, const uint8_t* options, size_t size,
                           const std::string& kernel) {
  static OpFactory* const factories[] = {MakeQuantizeOp, MakeConv2DOp, MakeDenseOp, MakeMaxPool2DOp,
                                         MakeDequantizeOp};
  for (int i = 0; kOpNames[i]; ++i) {
    if (name == kOpNames[i]) return factories[i](options, size, kernel);
  }
  throw OpError("expected the name of an op. Received: " + name);
}

}  // namespace kgn
