#include "ops/op.h"

#include "ops/error.h"
#include "ops/make_ops.h"

namespace kgn {

const OpEntry kOps[] = {
    {"KgnQuantize", MakeQuantizeOp},
    {"KgnConv2D", MakeConv2DOp},
    {"KgnDense", MakeDenseOp},
    {"KgnMaxPool2D", MakeMaxPool2DOp},
    {"KgnDequantize", MakeDequantizeOp},
    {"KgnScaleMap", MakeScaleMapOp},
    {"LceQuantize", MakeLceQuantizeOp},
    {"LceBconv2d", MakeLceBconv2dOp},
    {"LceBMaxPool2d", MakeLceBMaxPool2dOp},
    {"LceDequantize", MakeLceDequantizeOp},
};

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
  for (const OpEntry& op : kOps) {
    if (name == op.name) return op.make(options, size, kernel);
  }
  throw OpError("expected the name of an op. Received: " + name);
}

}  // namespace kgn
