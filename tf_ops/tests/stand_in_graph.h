// A small stand-in for the TFLite runtime: a graph of custom ops that is prepared, gets its memory
// and runs in order, as the real one does it. Tensors have exactly the memory that they need, so
// that a sanitizer sees every step outside. Unlike the real one it believes what it is told: tensor
// indices, shapes and the sizes of constants may be wrong.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "tflite/c_api.h"
#include "tflite/registrations.h"

namespace kgn_test {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
using IntArray = std::unique_ptr<TfLiteIntArray, FreeMemory>;

inline IntArray MakeIntArray(const std::vector<int>& values) {
  auto* array = static_cast<TfLiteIntArray*>(
      std::malloc(sizeof(TfLiteIntArray) + sizeof(int) * values.size()));
  array->size = static_cast<int>(values.size());
  if (!values.empty()) std::memcpy(array->data, values.data(), sizeof(int) * values.size());
  return IntArray(array);
}

class StandInGraph {
 public:
  // `max_bytes`: tensors larger than this find no memory.
  explicit StandInGraph(size_t max_bytes = size_t{1} << 26, int num_threads = -1)
      : max_bytes_(max_bytes) {
    context_.impl_ = this;
    context_.recommended_num_threads = num_threads;
    context_.GetExecutionPlan = [](TfLiteContext* c, TfLiteIntArray** plan) {
      *plan = Self(c)->plan_.get();
      return kTfLiteOk;
    };
    context_.GetNodeAndRegistration = [](TfLiteContext* c, int index, TfLiteNode** node,
                                         TfLiteRegistration** registration) {
      Node& found = Self(c)->nodes_[static_cast<size_t>(index)];
      *node = &found.node;
      *registration = &found.registration;
      return kTfLiteOk;
    };
    context_.ReplaceNodeSubsetsWithDelegateKernels =
        [](TfLiteContext* c, TfLiteRegistration registration, const TfLiteIntArray* nodes,
           TfLiteDelegate* delegate) {
          return Self(c)->Replace(registration, nodes->data[0], delegate);
        };
    context_.ResizeTensor = [](TfLiteContext* c, TfLiteTensor* tensor, TfLiteIntArray* dims) {
      return Self(c)->Resize(tensor, IntArray(dims));
    };
    context_.ReportError = ReportError;
  }

  ~StandInGraph() {
    for (Node& node : nodes_) {
      if (node.node.user_data) node.registration.free(&context_, node.node.user_data);
    }
    for (TfLiteTensor& tensor : tensors_) std::free(tensor.dims);
  }
  StandInGraph(const StandInGraph&) = delete;
  StandInGraph& operator=(const StandInGraph&) = delete;

  // A tensor that is computed or an input of the graph. `is_read`: whether anybody wants it, else
  // it gets no memory from a graph with a delegate.
  int AddTensor(TfLiteType type, const std::vector<int>& shape, bool is_read = true) {
    TfLiteTensor tensor = {};
    tensor.type = type;
    tensor.dims = MakeIntArray(shape).release();
    tensor.allocation_type = kTfLiteArenaRw;
    tensor.name = "a tensor";
    tensor.buffer_handle = kTfLiteNullBufferHandle;
    tensors_.push_back(tensor);
    memory_.emplace_back();
    is_read_.push_back(is_read);
    tensors_.back().bytes = Bytes(type, shape);
    return static_cast<int>(tensors_.size()) - 1;
  }

  // A constant of the file; `data` is copied and may be too short for the shape.
  int AddConstant(TfLiteType type, const std::vector<int>& shape, const void* data, size_t bytes) {
    const int index = AddTensor(type, shape);
    TfLiteTensor& tensor = tensors_.back();
    tensor.allocation_type = kTfLiteMmapRo;
    tensor.bytes = bytes;
    memory_.back().reset(std::malloc(bytes));
    std::memcpy(memory_.back().get(), data, bytes);
    tensor.data = memory_.back().get();
    return index;
  }

  void SetQuantization(int tensor, float scale, int zero_point) {
    tensors_[static_cast<size_t>(tensor)].params = {scale, zero_point};
  }

  void AddNode(const char* name, const std::vector<int>& inputs, const std::vector<int>& outputs,
               const std::vector<uint8_t>& options) {
    nodes_.emplace_back();
    Node& node = nodes_.back();
    node.options.reset(std::malloc(options.size()));
    if (!options.empty()) std::memcpy(node.options.get(), options.data(), options.size());
    node.inputs = MakeIntArray(inputs);
    node.outputs = MakeIntArray(outputs);
    node.node.inputs = node.inputs.get();
    node.node.outputs = node.outputs.get();
    node.node.custom_initial_data = node.options.get();
    node.node.custom_initial_data_size = static_cast<int>(options.size());
    node.registration.builtin_code = 32;  // CUSTOM
    node.registration.custom_name = name;
    std::vector<int> plan;
    for (size_t i = 0; i < nodes_.size(); ++i) plan.push_back(static_cast<int>(i));
    plan_ = MakeIntArray(plan);
  }

  TfLiteStatus ApplyDelegate(TfLiteDelegate* delegate) {
    Publish();
    return delegate->Prepare(&context_, delegate);
  }

  // Gives each node the registration of its op.
  void UseRegistrations() {
    Publish();
    for (Node& node : nodes_) {
      const TfLiteRegistration* registration = kgn_registration(node.registration.custom_name);
      if (!registration) continue;
      node.registration = *registration;
      node.node.user_data =
          registration->init(&context_, static_cast<const char*>(node.node.custom_initial_data),
                             static_cast<size_t>(node.node.custom_initial_data_size));
    }
  }

  // Prepares all nodes in order, then gives all tensors memory; inputs keep no data.
  TfLiteStatus Allocate() {
    Publish();
    for (Node& node : nodes_) {
      if (!node.registration.prepare) return Fail("no kernel for a node");
      if (node.registration.prepare(&context_, &node.node) != kTfLiteOk) return kTfLiteError;
    }
    for (size_t i = 0; i < tensors_.size(); ++i) {
      TfLiteTensor& tensor = tensors_[i];
      if (tensor.allocation_type != kTfLiteArenaRw || (has_delegate_ && !is_read_[i])) continue;
      if (tensor.bytes > max_bytes_) return Fail("no memory for a tensor");
      memory_[i].reset(std::malloc(tensor.bytes));
      tensor.data = memory_[i].get();
    }
    return kTfLiteOk;
  }

  TfLiteStatus Invoke() {
    for (Node& node : nodes_) {
      if (!node.registration.invoke) return Fail("no kernel for a node");
      if (node.registration.invoke(&context_, &node.node) != kTfLiteOk) return kTfLiteError;
    }
    return kTfLiteOk;
  }

  // Before Allocate: gives an input another shape.
  void ResizeInput(int tensor, const std::vector<int>& shape) {
    Resize(&tensors_[static_cast<size_t>(tensor)], MakeIntArray(shape));
  }

  const std::vector<TfLiteTensor>& tensors() const { return tensors_; }
  template <typename T>
  T* data(int tensor) {
    return static_cast<T*>(tensors_[static_cast<size_t>(tensor)].data);
  }
  std::vector<int> shape(int tensor) const {
    const TfLiteIntArray* dims = tensors_[static_cast<size_t>(tensor)].dims;
    return std::vector<int>(dims->data, dims->data + dims->size);
  }
  // The custom name of the kernel that runs a node; null if nobody does.
  const char* kernel_name(size_t node) const {
    return nodes_[node].registration.invoke ? nodes_[node].registration.custom_name : nullptr;
  }
  const std::string& last_error() const { return last_error_; }
  TfLiteContext* context() { return &context_; }

  // Of a tensor; the largest size_t where the shape makes no sense.
  static size_t Bytes(TfLiteType type, const std::vector<int>& shape) {
    size_t bytes = type == kTfLiteFloat32 || type == kTfLiteInt32 ? 4 : 1;
    for (int extent : shape) {
      if (extent < 0 || __builtin_mul_overflow(bytes, static_cast<size_t>(extent), &bytes)) {
        return std::numeric_limits<size_t>::max();
      }
    }
    return bytes;
  }

 private:
  struct Node {
    TfLiteNode node = {};
    TfLiteRegistration registration = {};
    IntArray inputs, outputs;
    std::unique_ptr<void, FreeMemory> options;
  };

  static void ReportError(TfLiteContext* c, const char* format, ...) {
    char buffer[1024];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(buffer, sizeof(buffer), format, arguments);
    va_end(arguments);
    Self(c)->last_error_ = buffer;
  }

  static StandInGraph* Self(TfLiteContext* c) { return static_cast<StandInGraph*>(c->impl_); }

  void Publish() {
    context_.tensors = tensors_.data();
    context_.tensors_size = tensors_.size();
    if (!plan_) plan_ = MakeIntArray({});
  }

  TfLiteStatus Fail(const char* reason) {
    last_error_ = reason;
    return kTfLiteError;
  }

  TfLiteStatus Replace(const TfLiteRegistration& registration, int index,
                       TfLiteDelegate* delegate) {
    has_delegate_ = true;
    Node& node = nodes_[static_cast<size_t>(index)];
    std::vector<int> read;
    for (int i = 0; i < node.outputs->size; ++i) {
      const int output = node.outputs->data[i];
      const bool exists = output >= 0 && static_cast<size_t>(output) < is_read_.size();
      if (!exists || is_read_[static_cast<size_t>(output)]) read.push_back(output);
    }
    const IntArray nodes = MakeIntArray({index});
    const IntArray outputs = MakeIntArray(read);
    TfLiteDelegateParams params = {delegate, nodes.get(), node.inputs.get(), outputs.get()};
    // Init still looks at the custom op's own registration.
    void* const user_data =
        registration.init(&context_, reinterpret_cast<const char*>(&params), sizeof(params));
    node.registration = registration;
    node.node.user_data = user_data;
    return kTfLiteOk;
  }

  TfLiteStatus Resize(TfLiteTensor* tensor, IntArray dims) {
    if (tensor->allocation_type != kTfLiteArenaRw) return Fail("resized a constant");
    std::free(tensor->dims);
    tensor->dims = dims.release();
    tensor->data = nullptr;
    tensor->bytes = Bytes(tensor->type, std::vector<int>(tensor->dims->data,
                                                         tensor->dims->data + tensor->dims->size));
    return kTfLiteOk;
  }

  const size_t max_bytes_;
  TfLiteContext context_ = {};
  std::vector<TfLiteTensor> tensors_;
  std::vector<std::unique_ptr<void, FreeMemory>> memory_;
  std::vector<bool> is_read_;
  std::deque<Node> nodes_;
  IntArray plan_;
  bool has_delegate_ = false;
  std::string last_error_;
};

}  // namespace kgn_test
