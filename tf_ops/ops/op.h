// The ops of docs/ops.md behind one interface, which knows tensors by shape and pointer only: an
// adapter for another runtime needs nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "ops/shapes.h"

namespace kgn {

enum class ElementType { kFloat32, kInt32, kInt8, kBool, kOther };

// "float32"
const char* TypeName(ElementType type);

// What an int8 value stands for: scale * (value - zero_point). Scale 0: for nothing but itself.
struct Quantization {
  float scale = 0;
  int zero_point = 0;
};

struct InputSpec {
  bool present = false;  // false: an optional input that is not there
  ElementType type = ElementType::kOther;
  Shape shape;
  const void* constant = nullptr;  // its data if that never changes
  Quantization quantization = {};
};

struct OutputSpec {
  ElementType type;
  Shape shape;
  Quantization quantization = {};
};

class Op {
 public:
  virtual ~Op() = default;

  // What the graph says of the outputs, before each Prepare. The options of our own ops say it all;
  // those of Larq's do not.
  virtual void Declare(const std::vector<OutputSpec>&) {}

  // Checks the inputs, does all work that depends on shapes and constants only, and returns what
  // the outputs must look like. May be called again when shapes have changed. Throws OpError.
  virtual std::vector<OutputSpec> Prepare(const std::vector<InputSpec>& inputs,
                                          ThreadPool* pool) = 0;

  // Computes the outputs. `inputs` and `outputs` are as in Prepare, null where an optional input is
  // absent. Allocates nothing, throws nothing.
  virtual void Run(const void* const* inputs, void* const* outputs) = 0;

  // The row of the kernels table that the last Prepare chose; for profiles.
  virtual std::string kernel() const = 0;
};

// Makes an op from its FlexBuffer options. `kernel` forces a row of the kernels table; empty: the
// best one. Throws OpError.
using OpFactory = std::unique_ptr<Op>(const uint8_t* options, size_t size,
                                      const std::string& kernel);

struct OpEntry {
  const char* name;
  OpFactory* make;
};

// All ops.
constexpr size_t kOpCount = 10;
extern const OpEntry kOps[kOpCount];

// Makes the op `name` as its factory does. Throws OpError, also for a name that no op has.
std::unique_ptr<Op> MakeOp(const std::string& name, const uint8_t* options, size_t size,
                           const std::string& kernel);

}  // namespace kgn
