// The plugin's C boundary and the static registrations, driven by a small stand-in for the runtime.
// What the real runtimes make of them: tests/lite/delegate_test.py.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/check_values.h"
#include "tests/flex.h"
#include "tflite/c_api.h"
#include "tflite/registrations.h"

extern "C" {
TfLiteDelegate* tflite_plugin_create_delegate(const char* const* keys, const char* const* values,
                                              size_t count, void (*report_error)(const char*));
void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate);
}

namespace kgn {
namespace {

using kgn_test::FlexMap;

std::string last_error;

TfLiteIntArray* IntArray(const std::vector<int>& values) {
  auto* array = static_cast<TfLiteIntArray*>(std::malloc(sizeof(int) * (values.size() + 1)));
  array->size = static_cast<int>(values.size());
  if (!values.empty()) std::memcpy(array->data, values.data(), sizeof(int) * values.size());
  return array;
}

void ReportError(TfLiteContext*, const char* format, ...) {
  char buffer[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof(buffer), format, arguments);
  va_end(arguments);
  last_error = buffer;
}

// A graph of one op with one input and one output.
class Graph {
 public:
  Graph(const char* name, const std::vector<int>& input_shape, const std::vector<uint8_t>& options)
      : options_(options) {
    for (int i = 0; i < 2; ++i) {
      tensors_[i].type = kTfLiteFloat32;
      tensors_[i].name = i ? "answer" : "question";
      tensors_[i].dims = IntArray(i ? std::vector<int>{} : input_shape);
    }
    tensors_[1].type = kTfLiteInt32;
    size_t elements = 1;
    for (int extent : input_shape) elements *= static_cast<size_t>(extent);
    input.resize(elements);
    tensors_[0].data = input.data();
    node_.inputs = IntArray({0});
    node_.outputs = IntArray({1});
    node_.custom_initial_data = options_.data();
    node_.custom_initial_data_size = static_cast<int>(options_.size());
    original_.builtin_code = 32;
    original_.custom_name = name;
    plan_ = IntArray({0});

    context.tensors_size = 2;
    context.tensors = tensors_;
    context.impl_ = this;
    context.recommended_num_threads = -1;
    context.GetExecutionPlan = [](TfLiteContext* c, TfLiteIntArray** plan) {
      *plan = Self(c)->plan_;
      return kTfLiteOk;
    };
    context.GetNodeAndRegistration = [](TfLiteContext* c, int, TfLiteNode** node,
                                        TfLiteRegistration** registration) {
      *node = &Self(c)->node_;
      *registration = &Self(c)->original_;
      return kTfLiteOk;
    };
    context.ReplaceNodeSubsetsWithDelegateKernels =
        [](TfLiteContext* c, TfLiteRegistration registration, const TfLiteIntArray* nodes,
           TfLiteDelegate* delegate) {
          Graph* graph = Self(c);
          graph->registration = registration;
          TfLiteDelegateParams params = {delegate, IntArray({nodes->data[0]}), IntArray({0}),
                                         IntArray({1})};
          graph->node_.user_data =
              registration.init(c, reinterpret_cast<const char*>(&params), sizeof(params));
          std::free(params.nodes_to_replace);
          std::free(params.input_tensors);
          std::free(params.output_tensors);
          return kTfLiteOk;
        };
    context.ResizeTensor = [](TfLiteContext* c, TfLiteTensor* tensor, TfLiteIntArray* dims) {
      std::free(tensor->dims);
      tensor->dims = dims;
      size_t elements = 1;
      for (int i = 0; i < dims->size; ++i) elements *= static_cast<size_t>(dims->data[i]);
      Self(c)->output.resize(elements);
      tensor->data = Self(c)->output.data();
      return kTfLiteOk;
    };
    context.ReportError = ReportError;
  }

  ~Graph() {
    if (node_.user_data) registration.free(&context, node_.user_data);
    for (TfLiteTensor& tensor : tensors_) std::free(tensor.dims);
    std::free(node_.inputs);
    std::free(node_.outputs);
    std::free(plan_);
  }

  void UseRegistration(const TfLiteRegistration& r) {
    registration = r;
    node_.user_data =
        r.init(&context, reinterpret_cast<const char*>(options_.data()), options_.size());
  }

  TfLiteStatus Prepare() { return registration.prepare(&context, &node_); }
  TfLiteStatus Invoke() { return registration.invoke(&context, &node_); }

  TfLiteContext context = {};
  TfLiteRegistration registration = {};
  std::vector<float> input;
  std::vector<int32_t> output;

 private:
  static Graph* Self(TfLiteContext* c) { return static_cast<Graph*>(c->impl_); }

  std::vector<uint8_t> options_;
  TfLiteTensor tensors_[2] = {};
  TfLiteNode node_ = {};
  TfLiteRegistration original_ = {};
  TfLiteIntArray* plan_;
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
  graph->input.assign(3 * 33, 1.0f);
  graph->input[1] = -1.0f;
  graph->input[2 * 33 + 32] = -2.0f;
  CHECK_EQ(graph->Prepare(), kTfLiteOk);
  CHECK_EQ(graph->Invoke(), kTfLiteOk);
  const std::vector<int32_t> expected = {2, 0, 0, 0, 0, 1};
  CHECK_TRUE(graph->output == expected);
}

void CreatesAndDestroys() {
  tflite_plugin_destroy_delegate(nullptr);
  TfLiteDelegate* delegate = tflite_plugin_create_delegate(nullptr, nullptr, 0, nullptr);
  CHECK_TRUE(delegate != nullptr);
  CHECK_EQ(delegate->flags, kTfLiteDelegateFlagsAllowDynamicTensors);
  tflite_plugin_destroy_delegate(delegate);

  CHECK_TRUE(Create("colour", "red") == nullptr);
  CHECK_TRUE(last_error.find("colour=red") != std::string::npos);
  CHECK_TRUE(Create("num_threads", "-2") == nullptr);
  CHECK_TRUE(Create("num_threads", "99999999999999999999") == nullptr);
  CHECK_TRUE(Create("num_threads", nullptr) == nullptr);
  CHECK_TRUE(Create(nullptr, "1") == nullptr);
  CHECK_TRUE(Create("kernel", "abacus") == nullptr);
  CHECK_TRUE(last_error.find("scalar") != std::string::npos);
  const char *key = "colour", *value = "red";
  CHECK_TRUE(tflite_plugin_create_delegate(&key, &value, 1, nullptr) == nullptr);
  for (const char* good : {"-1", "1", "4"}) {
    delegate = Create("num_threads", good);
    CHECK_TRUE(delegate != nullptr);
    tflite_plugin_destroy_delegate(delegate);
  }
}

void DelegateRunsAnOp() {
  for (const char* threads : {"1", "2"}) {
    TfLiteDelegate* delegate = Create("num_threads", threads);
    {
      Graph graph("KgnQuantize", {3, 33}, QuantizeOptions());
      CHECK_EQ(delegate->Prepare(&graph.context, delegate), kTfLiteOk);
      ExpectItQuantizes(&graph);
      CHECK_EQ(std::string(graph.registration.custom_name), "KgnQuantize");
    }
    tflite_plugin_destroy_delegate(delegate);
  }
}

void DelegateLeavesOthersAlone() {
  TfLiteDelegate* delegate = tflite_plugin_create_delegate(nullptr, nullptr, 0, nullptr);
  Graph graph("SomebodysOp", {3, 33}, {});
  CHECK_EQ(delegate->Prepare(&graph.context, delegate), kTfLiteOk);
  CHECK_TRUE(graph.registration.init == nullptr);
  tflite_plugin_destroy_delegate(delegate);
}

void ReportsWhatIsWrong() {
  TfLiteDelegate* delegate = tflite_plugin_create_delegate(nullptr, nullptr, 0, nullptr);
  const auto refusal = [&](const std::vector<int>& shape, const std::vector<uint8_t>& options) {
    Graph graph("KgnQuantize", shape, options);
    last_error.clear();
    CHECK_EQ(delegate->Prepare(&graph.context, delegate), kTfLiteOk);
    CHECK_EQ(graph.Prepare(), kTfLiteError);
    const std::string error = last_error;
    CHECK_EQ(graph.Invoke(), kTfLiteError);
    return error;
  };
  const auto starts = [](const std::string& text, const std::string& start) {
    if (text.compare(0, start.size(), start) != 0) std::printf("%s\n", text.c_str());
    return text.compare(0, start.size(), start) == 0;
  };
  const auto bad_bits = FlexMap({{"version", 1}, {"bits", 3}, {"scale", 1.0f}});
  CHECK_TRUE(starts(refusal({3, 33}, bad_bits), "KgnQuantize 'answer': expected 'bits'"));
  CHECK_TRUE(starts(refusal({3, 33}, {}), "KgnQuantize 'answer': expected options"));
  CHECK_TRUE(starts(refusal({}, QuantizeOptions()), "KgnQuantize 'answer': expected an input"));
  tflite_plugin_destroy_delegate(delegate);
}

void RegistrationsRunAnOp() {
  CHECK_TRUE(kgn_registration("SomebodysOp") == nullptr);
  CHECK_TRUE(kgn_registration(nullptr) == nullptr);
  for (const char* name :
       {"KgnQuantize", "KgnConv2D", "KgnDense", "KgnMaxPool2D", "KgnDequantize"}) {
    const TfLiteRegistration* registration = kgn_registration(name);
    CHECK_TRUE(registration != nullptr && std::strcmp(registration->custom_name, name) == 0);
  }
  Graph graph("KgnQuantize", {3, 33}, QuantizeOptions());
  graph.UseRegistration(*kgn_registration("KgnQuantize"));
  ExpectItQuantizes(&graph);

  Graph damaged("KgnConv2D", {3, 33}, {1, 2, 3, 4});
  damaged.UseRegistration(*kgn_registration("KgnConv2D"));
  CHECK_EQ(damaged.Prepare(), kTfLiteError);
  CHECK_TRUE(last_error.find("KgnConv2D 'answer': ") == 0);
}

}  // namespace
}  // namespace kgn

int main() {
  kgn::CreatesAndDestroys();
  kgn::DelegateRunsAnOp();
  kgn::DelegateLeavesOthersAlone();
  kgn::ReportsWhatIsWrong();
  kgn::RegistrationsRunAnOp();
  return kgn_test::Finish();
}
