// The plugin's C boundary and the static registrations, driven by the stand-in for the runtime.
// What the real runtimes make of them: tests/runtime/delegate_test.py.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "tests/flex.h"
#include "tests/stand_in_graph.h"
#include "tflite/c_api.h"
#include "tflite/registrations.h"
#include "third_party/doctest/doctest.h"

extern "C" {
TfLiteDelegate* tflite_plugin_create_delegate(const char* const* keys, const char* const* values,
                                              size_t count, void (*report_error)(const char*));
void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate);
}

namespace kgn {
namespace {

using kgn_test::FlexMap;
using kgn_test::StandInGraph;

std::string last_error;

// A graph of one op with one input, tensor 0, and one output, tensor 1.
class Graph : public StandInGraph {
 public:
  Graph(const char* name, const std::vector<int>& input_shape,
        const std::vector<uint8_t>& options) {
    AddTensor(kTfLiteFloat32, input_shape);
    AddTensor(kTfLiteInt32, {});
    AddNode(name, {0}, {1}, options);
  }
};

std::vector<uint8_t> QuantizeOptions() {
  return FlexMap({{"version", 1}, {"bits", 1}, {"scale", 1.0f}});
}

TfLiteDelegate* Create(const char* key, const char* value) {
  last_error.clear();
  return tflite_plugin_create_delegate(&key, &value, 1,
                                       [](const char* message) { last_error = message; });
}

// Prepares and runs a graph whose op has been claimed in either way.
void ExpectItQuantizes(Graph* graph) {
  CHECK_EQ(graph->Allocate(), kTfLiteOk);
  std::fill_n(graph->data<float>(0), 3 * 33, 1.0f);
  graph->data<float>(0)[1] = -1.0f;
  graph->data<float>(0)[2 * 33 + 32] = -2.0f;
  CHECK_EQ(graph->Invoke(), kTfLiteOk);
  CHECK((graph->shape(1) == std::vector<int>{3, 2}));
  const int32_t expected[] = {2, 0, 0, 0, 0, 1};
  CHECK(std::equal(expected, expected + 6, graph->data<int32_t>(1)));
}

TEST_CASE("creates and destroys delegates") {
  tflite_plugin_destroy_delegate(nullptr);
  TfLiteDelegate* delegate = tflite_plugin_create_delegate(nullptr, nullptr, 0, nullptr);
  CHECK(delegate != nullptr);
  CHECK_EQ(delegate->flags, kTfLiteDelegateFlagsAllowDynamicTensors);
  tflite_plugin_destroy_delegate(delegate);

  CHECK(Create("colour", "red") == nullptr);
  CHECK(last_error.find("colour=red") != std::string::npos);
  CHECK(Create("num_threads", "-2") == nullptr);
  CHECK(Create("num_threads", "99999999999999999999") == nullptr);
  CHECK(Create("num_threads", nullptr) == nullptr);
  CHECK(Create(nullptr, "1") == nullptr);
  CHECK(Create("kernel", "abacus") == nullptr);
  CHECK(last_error.find("scalar") != std::string::npos);
  const char *key = "colour", *value = "red";
  CHECK(tflite_plugin_create_delegate(&key, &value, 1, nullptr) == nullptr);
  for (const char* good : {"-1", "1", "4"}) {
    delegate = Create("num_threads", good);
    CHECK(delegate != nullptr);
    tflite_plugin_destroy_delegate(delegate);
  }
}

TEST_CASE("a delegate runs an op") {
  for (const char* threads : {"1", "2"}) {
    TfLiteDelegate* delegate = Create("num_threads", threads);
    {
      Graph graph("KgnQuantize", {3, 33}, QuantizeOptions());
      CHECK_EQ(graph.ApplyDelegate(delegate), kTfLiteOk);
      ExpectItQuantizes(&graph);
      CHECK_EQ(std::string(graph.kernel_name(0)), "KgnQuantize");
    }
    tflite_plugin_destroy_delegate(delegate);
  }
}

TEST_CASE("a delegate leaves others' ops alone") {
  TfLiteDelegate* delegate = tflite_plugin_create_delegate(nullptr, nullptr, 0, nullptr);
  Graph graph("SomebodysOp", {3, 33}, {});
  CHECK_EQ(graph.ApplyDelegate(delegate), kTfLiteOk);
  CHECK(graph.kernel_name(0) == nullptr);
  tflite_plugin_destroy_delegate(delegate);
}

TEST_CASE("reports what is wrong") {
  TfLiteDelegate* delegate = tflite_plugin_create_delegate(nullptr, nullptr, 0, nullptr);
  const auto refusal = [&](const std::vector<int>& shape, const std::vector<uint8_t>& options) {
    Graph graph("KgnQuantize", shape, options);
    CHECK_EQ(graph.ApplyDelegate(delegate), kTfLiteOk);
    CHECK_EQ(graph.Allocate(), kTfLiteError);
    const std::string error = graph.last_error();
    CHECK_EQ(graph.Invoke(), kTfLiteError);
    return error;
  };
  const auto starts = [](const std::string& text, const std::string& start) {
    if (text.compare(0, start.size(), start) != 0) std::printf("%s\n", text.c_str());
    return text.compare(0, start.size(), start) == 0;
  };
  const auto bad_bits = FlexMap({{"version", 1}, {"bits", 3}, {"scale", 1.0f}});
  CHECK(starts(refusal({3, 33}, bad_bits), "KgnQuantize 'a tensor': expected 'bits'"));
  CHECK(starts(refusal({3, 33}, {}), "KgnQuantize 'a tensor': expected options"));
  CHECK(starts(refusal({}, QuantizeOptions()), "KgnQuantize 'a tensor': expected an input"));
  tflite_plugin_destroy_delegate(delegate);
}

TEST_CASE("registrations run an op") {
  CHECK(kgn_registration("SomebodysOp") == nullptr);
  CHECK(kgn_registration(nullptr) == nullptr);
  for (const char* name :
       {"KgnQuantize", "KgnConv2D", "KgnDense", "KgnMaxPool2D", "KgnDequantize", "KgnScaleMap"}) {
    const TfLiteRegistration* registration = kgn_registration(name);
    CHECK((registration != nullptr && std::strcmp(registration->custom_name, name) == 0));
  }
  Graph graph("KgnQuantize", {3, 33}, QuantizeOptions());
  graph.UseRegistrations();
  ExpectItQuantizes(&graph);

  Graph damaged("KgnConv2D", {3, 33}, {1, 2, 3, 4});
  damaged.UseRegistrations();
  CHECK_EQ(damaged.Allocate(), kTfLiteError);
  CHECK(damaged.last_error().find("KgnConv2D 'a tensor': ") == 0);
}

// Two ops that write the same tensor, the second a smaller one; an op that reads what it writes; an
// input that has shrunk since it was prepared.
TEST_CASE("refuses memory that is too small") {
  TfLiteDelegate* delegate = tflite_plugin_create_delegate(nullptr, nullptr, 0, nullptr);
  StandInGraph twice;
  twice.AddTensor(kTfLiteFloat32, {300, 33});
  twice.AddTensor(kTfLiteFloat32, {3, 33});
  twice.AddTensor(kTfLiteInt32, {});
  twice.AddNode("KgnQuantize", {0}, {2}, QuantizeOptions());
  twice.AddNode("KgnQuantize", {1}, {2}, QuantizeOptions());
  CHECK_EQ(twice.ApplyDelegate(delegate), kTfLiteOk);
  CHECK_EQ(twice.Allocate(), kTfLiteOk);
  CHECK_EQ(twice.Invoke(), kTfLiteError);
  CHECK_EQ(twice.last_error(), "KgnQuantize: output 0 has 24 bytes of memory, expected 2400");

  StandInGraph in_place;
  in_place.AddTensor(kTfLiteInt32, {1, 8, 8, 1});
  in_place.AddNode("KgnMaxPool2D", {0}, {0},
                   FlexMap({{"version", 1},
                            {"bits", 1},
                            {"channels", 32},
                            {"filter_height", 2},
                            {"filter_width", 2},
                            {"stride_height", 2},
                            {"stride_width", 2},
                            {"padding", 1}}));
  CHECK_EQ(in_place.ApplyDelegate(delegate), kTfLiteOk);
  CHECK_EQ(in_place.Allocate(), kTfLiteError);
  CHECK(in_place.last_error().find("outputs that are no inputs") != std::string::npos);

  Graph shrunk("KgnQuantize", {300, 33}, QuantizeOptions());
  CHECK_EQ(shrunk.ApplyDelegate(delegate), kTfLiteOk);
  CHECK_EQ(shrunk.Allocate(), kTfLiteOk);
  shrunk.ResizeInput(0, {3, 33});
  CHECK_EQ(shrunk.Invoke(), kTfLiteError);
  CHECK_EQ(shrunk.last_error(), "KgnQuantize: input 0 has 0 bytes of data, expected 39600");
  tflite_plugin_destroy_delegate(delegate);
}

}  // namespace
}  // namespace kgn
