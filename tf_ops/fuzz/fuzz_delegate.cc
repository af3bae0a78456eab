// Damaged graphs through the delegate or the registrations: an error status or a result, whatever
// ranks, sizes, types, indices and options a file has. The bytes of an input, as make_corpus.py
// writes them:
//
//   setup: u8 (bit 0: registrations instead of the delegate), u8 threads, u8 kernel
//   tensors: u8 count, each: u8 type, u8 flags (1 constant, 2 not read by anybody), u8 rank,
//     i32 extents, i8 zero point, u8 scale, for a constant: u32 bytes (its values are made up)
//   nodes: u8 count, each: u8 op, u8 count and i8 indices of inputs, the same of outputs,
//     u8 count of options, each: u8 key, u8 kind (0 int, 1 float), i32 or f32 value
//   a second shape for one tensor: u8 tensor, u8 axis, i32 extent
#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>
#include <vector>

#include "core/kernels.h"
#include "fuzz/byte_reader.h"
#include "ops/op.h"
#include "tests/flex.h"
#include "tests/stand_in_graph.h"

extern "C" {
TfLiteDelegate* tflite_plugin_create_delegate(const char* const* keys, const char* const* values,
                                              size_t count, void (*report_error)(const char*));
void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate);
}

namespace {

using kgn_fuzz::ByteReader;
using kgn_test::StandInGraph;

constexpr size_t kMostBytes = size_t{1} << 22;     // of a tensor
constexpr size_t kMostConstant = size_t{1} << 18;  // of a constant, in bytes
constexpr double kMostWork = double{1 << 27};      // elements read times elements written

constexpr TfLiteType kTypes[] = {kTfLiteFloat32, kTfLiteInt32, TfLiteType(9) /* int8 */,
                                 TfLiteType(6) /* bool */, TfLiteType(4) /* int64 */};

// Append new ones: the corpus knows them by their position.
const char* const kKeys[] = {"version",
                             "bits",
                             "scale",
                             "channels",
                             "channels_in",
                             "groups",
                             "stride_height",
                             "stride_width",
                             "dilation_height",
                             "dilation_width",
                             "padding",
                             "pad_value",
                             "pre_activation",
                             "activation",
                             "float_output",
                             "out_bits",
                             "out_scale",
                             "filter_height",
                             "filter_width",
                             "dilation_height_factor",
                             "dilation_width_factor",
                             "fused_activation_function",
                             "pad_values",
                             "unknown"};
const char* const kKernels[] = {"", "scalar", "avx2", "avx512", "neon"};

// Repeatable values; as floats many are ordinary, some are not.
std::vector<uint32_t> Values(size_t words, uint32_t seed) {
  std::vector<uint32_t> values(words);
  for (uint32_t& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = seed ^ seed >> 15;
  }
  return values;
}

void AddTensor(ByteReader* in, StandInGraph* graph) {
  const TfLiteType type = kTypes[in->Below(std::size(kTypes))];
  const auto flags = in->Take<uint8_t>();
  std::vector<int> shape(in->Below(7));
  for (int& extent : shape) extent = in->Take<int32_t>();
  const auto zero_point = in->Take<int8_t>();
  const float scale = static_cast<float>(in->Take<uint8_t>()) / 16.0f;
  int index;
  if (flags & 1) {
    const size_t bytes = in->Take<uint32_t>() % kMostConstant;
    const auto values = Values(bytes / 4 + 1, static_cast<uint32_t>(bytes));
    index = graph->AddConstant(type, shape, values.data(), bytes);
  } else {
    index = graph->AddTensor(type, shape, !(flags & 2));
  }
  graph->SetQuantization(index, scale, zero_point);
}

std::vector<int> Indices(ByteReader* in) {
  std::vector<int> indices(in->Below(14));
  for (int& index : indices) index = in->Take<int8_t>();
  return indices;
}

void AddNode(ByteReader* in, size_t ops, StandInGraph* graph) {
  const char* name = kgn::kOpNames[in->Below(ops)];
  const auto inputs = Indices(in);
  const auto outputs = Indices(in);
  kgn_test::Options options;
  for (size_t left = in->Below(24); left > 0; --left) {
    const char* key = kKeys[in->Below(std::size(kKeys))];
    if (in->Take<uint8_t>() == 1) {
      options[key] = in->Take<float>();
    } else {
      options[key] = static_cast<int>(in->Take<int32_t>());
    }
  }
  graph->AddNode(name, inputs, outputs, kgn_test::FlexMap(options));
}

// Whether running the graph takes long: nobody can refuse a file for asking much work.
bool IsTooMuchWork(const StandInGraph& graph) {
  double elements = 0;
  for (const TfLiteTensor& tensor : graph.tensors()) {
    elements += static_cast<double>(std::min(tensor.bytes, StandInGraph::Bytes(tensor))) / 4;
  }
  return elements * elements > kMostWork;
}

void AllocateAndRun(StandInGraph* graph) {
  if (graph->Allocate() == kTfLiteOk) {
    if (IsTooMuchWork(*graph)) return;
    for (const TfLiteTensor& tensor : graph->tensors()) {
      if (tensor.allocation_type != kTfLiteArenaRw || !tensor.data) continue;
      const auto values = Values(tensor.bytes / 4 + 1, 1);
      std::memcpy(tensor.data, values.data(), tensor.bytes);
    }
  }
  // What could not be prepared must refuse to run.
  graph->Invoke();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader in(data, size);
  const bool with_registrations = in.Take<uint8_t>() & 1;
  const std::string threads = std::to_string(1 + in.Below(2));
  std::string kernel = kKernels[in.Below(std::size(kKernels))];
  if (!kgn::CheckKernelName(kernel).ok()) kernel = "";

  const char* const keys[] = {"num_threads", "kernel"};
  const char* const values[] = {threads.c_str(), kernel.c_str()};
  TfLiteDelegate* delegate = tflite_plugin_create_delegate(keys, values, 2, nullptr);
  {
    StandInGraph graph(kMostBytes);
    size_t ops = 0;
    while (kgn::kOpNames[ops]) ++ops;
    for (size_t left = in.Below(20); left > 0; --left) AddTensor(&in, &graph);
    for (size_t left = in.Below(8); left > 0; --left) AddNode(&in, ops, &graph);
    if (with_registrations) {
      graph.UseRegistrations();
    } else {
      graph.ApplyDelegate(delegate);
    }
    AllocateAndRun(&graph);

    const int tensor = static_cast<int>(in.Take<uint8_t>());
    if (static_cast<size_t>(tensor) < graph.tensors().size()) {
      std::vector<int> shape = graph.shape(tensor);
      if (!shape.empty()) {
        const size_t axis = in.Below(shape.size());
        shape[axis] = in.Take<int32_t>();
      }
      graph.ResizeInput(tensor, shape);
      AllocateAndRun(&graph);
    }
  }
  tflite_plugin_destroy_delegate(delegate);
  return 0;
}
