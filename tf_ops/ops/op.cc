#include "ops/op.h"

#include "ops/error.h"
#include "ops/make_ops.h"

namespace kgn {

const char* const kOpNames[] = {"KgnQuantize",   "KgnConv2D",     "KgnDense",    "KgnMaxPool2D",
                                "KgnDequantize", "KgnScaleMap",   "LceQuantize", "LceBconv2d",
                                "LceBMaxPool2d", "LceDequantize", nullptr};

const char* TypeName(ElementType type) {
  switch (type) {
    case ElementType::kFloat32:
      return "float32";
    case ElementType::kInt32:
      return "int32";
    case ElementType::kInt8:
      return "int8";
    case ElementType::kBool:
      return "bool";
    default:
      return "another type";
  }
}

std::unique_ptr<Op> MakeOp(const std::string& name, const uint8_t* options, size_t size,
                           const std::string& kernel) {
  static OpFactory* const factories[] = {MakeQuantizeOp,     MakeConv2DOp,     MakeDenseOp,
                                         MakeMaxPool2DOp,    MakeDequantizeOp, MakeScaleMapOp,
                                         MakeLceQuantizeOp,  MakeLceBconv2dOp, MakeLceBMaxPool2dOp,
                                         MakeLceDequantizeOp};
  for (int i = 0; kOpNames[i]; ++i) {
    if (name == kOpNames[i]) return factories[i](options, size, kernel);
  }
  throw OpError("expected the name of an op. Received: " + name);
}

}  // namespace kgn
