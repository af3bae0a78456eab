// The checks of an op's inputs that all ops share.
#pragma once

#include <string>
#include <vector>

#include "ops/error.h"
#include "ops/op.h"

namespace kgn {

inline void ExpectInputCount(const std::vector<InputSpec>& inputs, size_t least, size_t most) {
  if (inputs.size() < least || inputs.size() > most) {
    throw OpError("expected " + std::to_string(least) +
                  (least == most ? "" : " to " + std::to_string(most)) +
                  " inputs. Received: " + std::to_string(inputs.size()));
  }
}

// The input at `position`, null if it is optional and absent.
inline const InputSpec* OptionalInput(const std::vector<InputSpec>& inputs, size_t position,
                                      const char* name, ElementType type) {
  if (position >= inputs.size() || !inputs[position].present) return nullptr;
  if (inputs[position].type != type) {
    throw OpError(std::string("expected ") + name + " (input " + std::to_string(position) +
                  ") of type " + TypeName(type) + ". Received: " + TypeName(inputs[position].type));
  }
  return &inputs[position];
}

inline const InputSpec& RequiredInput(const std::vector<InputSpec>& inputs, size_t position,
                                      const char* name, ElementType type) {
  const InputSpec* input = OptionalInput(inputs, position, name, type);
  if (!input) {
    throw OpError(std::string("expected ") + name + " (input " + std::to_string(position) +
                  "), which is absent");
  }
  return *input;
}

// Whether a batch norm comes with input 0: multiplier and bias, inputs 1 and 2, of [channels].
inline bool HasBatchNorm(const std::vector<InputSpec>& inputs, int channels) {
  const InputSpec* multiplier = OptionalInput(inputs, 1, "multiplier", ElementType::kFloat32);
  const InputSpec* bias = OptionalInput(inputs, 2, "bias", ElementType::kFloat32);
  if ((multiplier == nullptr) != (bias == nullptr)) {
    throw OpError("expected multiplier and bias (inputs 1 and 2) both or neither. Received: one");
  }
  if (multiplier == nullptr) return false;
  ExpectShape("multiplier", {channels}, multiplier->shape);
  ExpectShape("bias", {channels}, bias->shape);
  return true;
}

// The data of an input that must be constant, of shape `shape`.
inline const void* ConstantData(const InputSpec& input, const char* name, const Shape& shape) {
  ExpectShape(name, shape, input.shape);
  if (!input.constant) {
    throw OpError(std::string("expected ") + name + " to be constant. Received: a tensor that is " +
                  "computed at run time");
  }
  return input.constant;
}

}  // namespace kgn
