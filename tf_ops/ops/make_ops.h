// One factory for each op, for the list in op.cc. Arguments as in MakeOp.
#pragma once

#include <memory>
#include <string>

#include "ops/op.h"

namespace kgn {

using OpFactory = std::unique_ptr<Op>(const uint8_t* options, size_t size,
                                      const std::string& kernel);

OpFactory MakeQuantizeOp;
OpFactory MakeConv2DOp;
OpFactory MakeDenseOp;
OpFactory MakeMaxPool2DOp;
OpFactory MakeDequantizeOp;
OpFactory MakeScaleMapOp;
OpFactory MakeLceQuantizeOp;
OpFactory MakeLceBconv2dOp;
OpFactory MakeLceBMaxPool2dOp;
OpFactory MakeLceDequantizeOp;

}  // namespace kgn
