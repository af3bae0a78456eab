#include "tflite/op_node.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <new>
#include <utility>

#include "ops/error.h"
#include "tflite/shared_pool.h"

namespace kgn {
namespace {

using Clock = std::chrono::steady_clock;

ElementType TypeOf(const TfLiteTensor& tensor) {
  switch (tensor.type) {
    case kTfLiteFloat32:
      return ElementType::kFloat32;
    case kTfLiteInt32:
      return ElementType::kInt32;
    case kTfLiteInt8:
      return ElementType::kInt8;
    case kTfLiteBool:
      return ElementType::kBool;
    default:
      return ElementType::kOther;
  }
}

TfLiteTensor& TensorAt(TfLiteContext* context, int index) {
  if (index < 0 || static_cast<size_t>(index) >= context->tensors_size) {
    throw OpError("expected the index of a tensor. Received: " + std::to_string(index));
  }
  return context->tensors[index];
}

size_t Elements(const Shape& shape) {
  size_t elements = 1;
  for (int extent : shape) elements *= static_cast<size_t>(extent);
  return elements;
}

// The least bytes that a tensor of this type and shape takes.
size_t Bytes(ElementType type, const Shape& shape) {
  const bool words = type == ElementType::kFloat32 || type == ElementType::kInt32;
  return Elements(shape) * (words ? 4 : 1);
}

OutputSpec Declared(const TfLiteTensor& tensor) {
  OutputSpec spec = {TypeOf(tensor), {}, {tensor.params.scale, tensor.params.zero_point}};
  if (tensor.dims) spec.shape.assign(tensor.dims->data, tensor.dims->data + tensor.dims->size);
  return spec;
}

InputSpec SpecOf(TfLiteContext* context, int index) {
  InputSpec spec;
  if (index == kTfLiteOptionalTensor) return spec;
  const TfLiteTensor& tensor = TensorAt(context, index);
  const OutputSpec declared = Declared(tensor);
  spec.present = true;
  spec.type = declared.type;
  spec.shape = declared.shape;
  spec.quantization = declared.quantization;
  if (tensor.allocation_type == kTfLiteMmapRo || tensor.allocation_type == kTfLitePersistentRo) {
    CheckSize("a constant", spec.shape);
    if (tensor.bytes < Bytes(spec.type, spec.shape)) {
      throw OpError("expected constants as large as their shapes. Received: " +
                    std::to_string(tensor.bytes) + " bytes for shape " + ToString(spec.shape));
    }
    spec.constant = tensor.data;
  }
  return spec;
}

void Resize(TfLiteContext* context, int index, const OutputSpec& spec) {
  TfLiteTensor& tensor = TensorAt(context, index);
  if (TypeOf(tensor) != spec.type) {
    throw OpError(std::string("expected an output tensor of type ") + TypeName(spec.type) +
                  ". Received: TfLiteType " + std::to_string(tensor.type));
  }
  CheckSize("the output", spec.shape);
  auto* dims = static_cast<TfLiteIntArray*>(std::malloc(sizeof(int) * (1 + spec.shape.size())));
  if (!dims) throw std::bad_alloc();
  dims->size = static_cast<int>(spec.shape.size());
  for (size_t i = 0; i < spec.shape.size(); ++i) dims->data[i] = spec.shape[i];
  if (context->ResizeTensor(context, &tensor, dims) != kTfLiteOk) {
    throw OpError("the runtime could not resize the output to " + ToString(spec.shape));
  }
}

}  // namespace

OpNode::OpNode(std::string name, const void* options, size_t size, const Settings& settings)
    : name_(std::move(name)), settings_(settings) {
  try {
    op_ = MakeOp(name_, static_cast<const uint8_t*>(options), size, settings_.kernel);
  } catch (const OpError& error) {
    option_error_ = error.what();
  }
}

void OpNode::SetTensors(const TfLiteIntArray& inputs, const TfLiteIntArray& outputs,
                        const TfLiteIntArray* allocated) {
  inputs_.assign(inputs.data, inputs.data + inputs.size);
  outputs_.assign(outputs.data, outputs.data + outputs.size);
  is_allocated_.clear();
  for (int output : outputs_) {
    is_allocated_.push_back(!allocated ||
                            std::find(allocated->data, allocated->data + allocated->size, output) !=
                                allocated->data + allocated->size);
  }
}

std::string OpNode::Label(TfLiteContext* context) const {
  if (outputs_.empty() || outputs_[0] < 0) return "";
  const char* name = TensorAt(context, outputs_[0]).name;
  return name ? name : "";
}

void OpNode::PrepareOrThrow(TfLiteContext* context) {
  ready_ = false;
  if (!op_) throw OpError(option_error_);
  std::vector<InputSpec> specs;
  for (int index : inputs_) specs.push_back(SpecOf(context, index));
  for (int output : outputs_) {
    // In place, an op would overwrite what it has yet to read.
    if (std::find(inputs_.begin(), inputs_.end(), output) != inputs_.end()) {
      throw OpError("expected outputs that are no inputs. Received: tensor " +
                    std::to_string(output) + " as both");
    }
  }
  std::vector<OutputSpec> declared;
  for (int index : outputs_) declared.push_back(Declared(TensorAt(context, index)));
  op_->Declare(declared);
  pool_ = SharedPool(context, settings_.num_threads);
  const std::vector<OutputSpec> outputs = op_->Prepare(specs, pool_.get());
  if (outputs.size() != outputs_.size()) {
    throw OpError("expected " + std::to_string(outputs.size()) +
                  " output tensors. Received: " + std::to_string(outputs_.size()));
  }
  empty_ = false;
  unread_.resize(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    Resize(context, outputs_[i], outputs[i]);
    const size_t elements = Elements(outputs[i].shape);
    empty_ = empty_ || elements == 0;
    if (!is_allocated_[i]) unread_[i].resize(elements);
  }
  // The memory that Invoke must find. A damaged graph may give a tensor to two writers, of which
  // the second resizes it behind the first one's back.
  input_bytes_.clear();
  for (const InputSpec& spec : specs) input_bytes_.push_back(Bytes(spec.type, spec.shape));
  output_bytes_.clear();
  for (const OutputSpec& spec : outputs) output_bytes_.push_back(Bytes(spec.type, spec.shape));
  input_data_.assign(inputs_.size(), nullptr);
  output_data_.assign(outputs_.size(), nullptr);
  if (settings_.profile) {
    if (!row_) row_ = settings_.profile->AddRow();
    row_->op = name_;
    row_->tensor = Label(context);
    row_->kernel = op_->kernel();
  }
  ready_ = true;
}

TfLiteStatus OpNode::Prepare(TfLiteContext* context) noexcept {
  std::string label;
  try {
    label = Label(context);
    PrepareOrThrow(context);
    return kTfLiteOk;
  } catch (const std::exception& error) {
    context->ReportError(context, "%s '%s': %s", name_.c_str(), label.c_str(), error.what());
  } catch (...) {
    context->ReportError(context, "%s '%s': unknown error", name_.c_str(), label.c_str());
  }
  return kTfLiteError;
}

TfLiteStatus OpNode::Invoke(TfLiteContext* context) noexcept {
  if (!ready_) {
    context->ReportError(context, "%s: allocate the tensors first", name_.c_str());
    return kTfLiteError;
  }
  if (empty_) return kTfLiteOk;
  // Pointers may change from one call to the next.
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i] < 0) continue;
    const TfLiteTensor& tensor = context->tensors[inputs_[i]];
    input_data_[i] = tensor.data;
    if (tensor.data == nullptr || tensor.bytes < input_bytes_[i]) {
      context->ReportError(context, "%s: input %d has %zu bytes of data, expected %zu",
                           name_.c_str(), static_cast<int>(i), tensor.data ? tensor.bytes : 0,
                           input_bytes_[i]);
      return kTfLiteError;
    }
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!is_allocated_[i]) {
      output_data_[i] = unread_[i].data();
      continue;
    }
    const TfLiteTensor& tensor = context->tensors[outputs_[i]];
    output_data_[i] = tensor.data;
    if (tensor.data == nullptr || tensor.bytes < output_bytes_[i]) {
      context->ReportError(context, "%s: output %d has %zu bytes of memory, expected %zu",
                           name_.c_str(), static_cast<int>(i), tensor.data ? tensor.bytes : 0,
                           output_bytes_[i]);
      return kTfLiteError;
    }
  }
  const auto start = row_ ? Clock::now() : Clock::time_point();
  op_->Run(input_data_.data(), output_data_.data());
  if (settings_.rest_after) pool_->Rest();
  if (row_) {
    row_->calls += 1;
    row_->nanoseconds +=
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
  }
  return kTfLiteOk;
}

}  // namespace kgn
