// One factory for each op, for the table in op.cc.
#pragma once

#include "ops/op.h"

namespace kgn {

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
