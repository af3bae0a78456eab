// Damaged graphs through the delegate or the registrations: an error status or a result, whatever
// ranks, sizes, types, indices and options a file has. Nearly every byte means something, so that
// mutations of a good graph are graphs. An input, as tests/fuzz/make_corpus.py writes
// them:
//
//   setup: bit 0: registrations instead of the delegate; threads; kernel (a byte each)
//   tensors: count, each: type, flags (1 constant, 2 not read by anybody), rank, extents (numbers),
//     zero point, scale, for a constant the bytes by which it is too small for its shape (number;
//     its values are made up)
//   nodes: count, each: op, count of inputs, their indices + 1, the same for outputs, for each
//     option of the op its value (number or real), count of options to leave out, their positions
//   a second shape for one tensor: its index, axis, extent (number)
//
// A number is a byte below 192 that stands for itself, or one of kNumbers, or 255 and an i32.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
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

constexpr size_t kMaxBytes = size_t{1} << 22;     // of a tensor
constexpr size_t kMaxConstant = size_t{1} << 18;  // of a constant, in bytes
constexpr double kMaxWork = double{1 << 27};      // elements read times elements written

constexpr TfLiteType kTypes[] = {kTfLiteFloat32, kTfLiteInt32, kTfLiteInt8, kTfLiteBool,
                                 TfLiteType(4) /* int64 */};

struct OpWithOptions {
  const char* name;
  std::vector<const char*> keys;  // IsReal says which are real
};

const std::vector<OpWithOptions>& Ops() {
  static const auto& ops = *new std::vector<OpWithOptions>{
#include "fuzz/op_options.inc"
  };
  return ops;
}

// The corners of what files say and kernels do.
constexpr int32_t kNumbers[] = {
    -1,      -2,      -4,      -32,     -128,    INT32_MIN,     INT32_MAX, 192,       255,
    256,     257,     511,     512,     1023,    1024,          1025,      2048,      4095,
    4096,    8192,    16384,   32767,   32768,   32769,         65535,     65536,     1 << 17,
    1 << 18, 1 << 19, 1 << 20, 1 << 21, 1 << 24, (1 << 24) + 1, 1 << 28,   (1 << 29), (1 << 29) - 1,
    1 << 30,
};

int Number(ByteReader* in) {
  const auto code = in->Take<uint8_t>();
  if (code < 192) return code;
  if (code == 255) return in->Take<int32_t>();
  return kNumbers[(code - 192) % std::size(kNumbers)];
}

// A byte of eighths, or 255 and a float.
float Real(ByteReader* in) {
  const auto code = in->Take<uint8_t>();
  return code == 255 ? in->Take<float>() : static_cast<float>(code) / 8;
}

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
  for (int& extent : shape) extent = Number(in);
  const auto zero_point = in->Take<int8_t>();
  const float scale = Real(in);
  int index;
  if (flags & 1) {
    const size_t right = std::min(StandInGraph::Bytes(type, shape), kMaxConstant);
    const auto bytes = static_cast<size_t>(
        std::clamp<int64_t>(static_cast<int64_t>(right) - Number(in), 0, kMaxConstant));
    const auto values = Values(bytes / 4 + 1, static_cast<uint32_t>(bytes));
    index = graph->AddConstant(type, shape, values.data(), bytes);
  } else {
    index = graph->AddTensor(type, shape, !(flags & 2));
  }
  graph->SetQuantization(index, scale, zero_point);
}

// -1 is the absent input; `tensors` is one too many.
std::vector<int> Indices(ByteReader* in, size_t tensors) {
  std::vector<int> indices(in->Below(14));
  for (int& index : indices) index = static_cast<int>(in->Below(tensors + 2)) - 1;
  return indices;
}

bool IsReal(const std::string& key) {
  for (const std::string end : {"scale", "min", "max"}) {
    if (key.size() >= end.size() && key.compare(key.size() - end.size(), end.size(), end) == 0)
      return true;
  }
  return false;
}

void AddNode(ByteReader* in, StandInGraph* graph) {
  const OpWithOptions& op = Ops()[in->Below(Ops().size())];
  const auto inputs = Indices(in, graph->tensors().size());
  const auto outputs = Indices(in, graph->tensors().size());
  kgn_test::Options options;
  for (const std::string key : op.keys) {
    if (IsReal(key)) {
      options[key] = Real(in);
    } else {
      options[key] = Number(in);
    }
  }
  for (size_t left_out = in->Below(5); left_out > 0; --left_out) {
    const size_t position = in->Take<uint8_t>();
    if (position < op.keys.size()) options.erase(op.keys[position]);
  }
  graph->AddNode(op.name, inputs, outputs,
                 options.empty() ? std::vector<uint8_t>() : kgn_test::FlexMap(options));
}

// Whether running the graph takes long: nobody can refuse a file for asking much work.
bool IsTooMuchWork(const StandInGraph& graph) {
  double elements = 0;
  for (const TfLiteTensor& tensor : graph.tensors()) {
    elements += static_cast<double>(std::min(tensor.bytes, kMaxBytes)) / 4;
  }
  return elements * elements > kMaxWork;
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

// So that nobody forgets a new op.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  for (const kgn::OpEntry& entry : kgn::kOps) {
    const auto is_it = [&](const OpWithOptions& op) {
      return std::strcmp(op.name, entry.name) == 0;
    };
    if (std::none_of(Ops().begin(), Ops().end(), is_it)) {
      std::fprintf(stderr, "tests/fuzz/make_corpus.py: expected %s in OPS\n", entry.name);
      std::abort();
    }
  }
  return 0;
}

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
    StandInGraph graph(kMaxBytes);
    for (size_t left = in.Below(20); left > 0; --left) AddTensor(&in, &graph);
    for (size_t left = in.Below(8); left > 0; --left) AddNode(&in, &graph);
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
        shape[axis] = Number(&in);
      }
      graph.ResizeInput(tensor, shape);
      AllocateAndRun(&graph);
    }
  }
  tflite_plugin_destroy_delegate(delegate);
  return 0;
}
