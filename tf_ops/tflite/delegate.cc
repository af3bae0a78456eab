// The external delegate: claims our custom ops by name, one delegate kernel an op, so that the
// runtime plans the memory between them as it does for its own ops.
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "ops/error.h"
#include "tflite/c_api.h"
#include "tflite/op_node.h"
#include "tflite/plugin_options.h"

namespace kgn {
namespace {

// TFLite's BuiltinOperator_CUSTOM: not yet claimed by any delegate.
constexpr int kCustomOp = 32;

struct Delegate {
  TfLiteDelegate base = {};  // what the runtime sees; its data_ points back here
  OpNode::Settings settings;
};

const char* OurName(const TfLiteRegistration& registration) {
  if (registration.builtin_code != kCustomOp || !registration.custom_name) return nullptr;
  for (const OpEntry& op : kOps) {
    if (std::strcmp(registration.custom_name, op.name) == 0) return op.name;
  }
  return nullptr;
}

// Runs `body` and turns whatever it throws into a report and `failure`.
template <typename Result, typename Body>
Result Guard(TfLiteContext* context, Result failure, Body body) noexcept {
  try {
    return body();
  } catch (const std::exception& error) {
    context->ReportError(context, "keras_groupnet: %s", error.what());
  } catch (...) {
    context->ReportError(context, "keras_groupnet: unknown error");
  }
  return failure;
}

// Init learns nothing but the node: whether one of another delegate or of the runtime follows it is
// told by which Init it is.
template <bool last>
void* Init(TfLiteContext* context, const char* buffer, size_t) noexcept {
  return Guard<void*>(context, nullptr, [&]() -> void* {
    const auto& params = *reinterpret_cast<const TfLiteDelegateParams*>(buffer);
    const auto& delegate = *static_cast<const Delegate*>(params.delegate->data_);
    // The node and its arrays are the graph's: all that is needed later is copied now.
    TfLiteNode* node = nullptr;
    TfLiteRegistration* registration = nullptr;
    OpNode::Settings settings = delegate.settings;
    if (params.nodes_to_replace->size != 1 ||
        context->GetNodeAndRegistration(context, params.nodes_to_replace->data[0], &node,
                                        &registration) != kTfLiteOk) {
      throw OpError("expected one node of the graph for each kernel");
    }
    settings.rest_after = last;
    auto op_node =
        std::make_unique<OpNode>(registration->custom_name, node->custom_initial_data,
                                 static_cast<size_t>(node->custom_initial_data_size), settings);
    op_node->SetTensors(*node->inputs, *node->outputs, params.output_tensors);
    return op_node.release();
  });
}

void Free(TfLiteContext*, void* node) noexcept { delete static_cast<OpNode*>(node); }

TfLiteStatus PrepareNode(TfLiteContext* context, TfLiteNode* node) noexcept {
  auto* op_node = static_cast<OpNode*>(node->user_data);
  return op_node ? op_node->Prepare(context) : kTfLiteError;
}

TfLiteStatus InvokeNode(TfLiteContext* context, TfLiteNode* node) noexcept {
  auto* op_node = static_cast<OpNode*>(node->user_data);
  return op_node ? op_node->Invoke(context) : kTfLiteError;
}

TfLiteStatus PrepareDelegate(TfLiteContext* context, TfLiteDelegate* delegate) noexcept {
  return Guard(context, kTfLiteError, [&] {
    TfLiteIntArray* plan = nullptr;
    if (context->GetExecutionPlan(context, &plan) != kTfLiteOk) return kTfLiteError;
    const std::vector<int> nodes(plan->data,
                                 plan->data + plan->size);  // replacing changes the plan
    std::vector<const char*> names;                         // null: not ours
    for (int index : nodes) {
      TfLiteNode* node = nullptr;
      TfLiteRegistration* registration = nullptr;
      if (context->GetNodeAndRegistration(context, index, &node, &registration) != kTfLiteOk) {
        return kTfLiteError;
      }
      names.push_back(OurName(*registration));
    }
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (!names[i]) continue;
      TfLiteRegistration kernel = {};
      const bool last = i + 1 == nodes.size() || !names[i + 1];
      kernel.init = last ? Init<true> : Init<false>;
      kernel.free = Free;
      kernel.prepare = PrepareNode;
      kernel.invoke = InvokeNode;
      kernel.custom_name = names[i];
      kernel.version = 1;
      const TfLiteIntArray node_to_replace = {1, {nodes[i]}};
      if (context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel, &node_to_replace,
                                                         delegate) != kTfLiteOk) {
        return kTfLiteError;
      }
    }
    return kTfLiteOk;
  });
}

}  // namespace
}  // namespace kgn

extern "C" {

__attribute__((visibility("default"))) TfLiteDelegate* tflite_plugin_create_delegate(
    const char* const* keys, const char* const* values, size_t count,
    void (*report_error)(const char*)) {
  try {
    const kgn::PluginOptions options = kgn::ParsePluginOptions(keys, values, count);
    auto delegate = std::make_unique<kgn::Delegate>();
    delegate->settings.num_threads = options.num_threads;
    delegate->settings.kernel = options.kernel;
    if (options.profile) delegate->settings.profile = std::make_shared<kgn::Profile>();
    delegate->base.data_ = delegate.get();
    delegate->base.Prepare = kgn::PrepareDelegate;
    delegate->base.flags = kTfLiteDelegateFlagsAllowDynamicTensors;
    return &delegate.release()->base;
  } catch (const std::exception& error) {
    if (report_error) report_error(error.what());
  } catch (...) {
    if (report_error) report_error("keras_groupnet: unknown error");
  }
  return nullptr;
}

__attribute__((visibility("default"))) void tflite_plugin_destroy_delegate(TfLiteDelegate* base) {
  if (!base) return;
  auto* delegate = static_cast<kgn::Delegate*>(base->data_);
  if (delegate->settings.profile) delegate->settings.profile->Print(stderr);
  delete delegate;
}

}  // extern "C"
