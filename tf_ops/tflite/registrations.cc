#include "tflite/registrations.h"

#include <cstring>
#include <exception>
#include <utility>

#include "tflite/op_node.h"

namespace kgn {
namespace {

// Init learns nothing about which op it is for, so each op has its own.
template <int op>
void* Init(TfLiteContext* context, const char* buffer, size_t length) noexcept {
  try {
    return new OpNode(kOps[op].name, buffer, length, OpNode::Settings());
  } catch (const std::exception& error) {
    context->ReportError(context, "%s: %s", kOps[op].name, error.what());
    return nullptr;
  }
}

void Free(TfLiteContext*, void* node) noexcept { delete static_cast<OpNode*>(node); }

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) noexcept {
  auto* op_node = static_cast<OpNode*>(node->user_data);
  if (!op_node) return kTfLiteError;  // Init has reported why
  try {
    op_node->SetTensors(*node->inputs, *node->outputs);
  } catch (const std::exception& error) {
    context->ReportError(context, "%s", error.what());
    return kTfLiteError;
  }
  return op_node->Prepare(context);
}

TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) noexcept {
  auto* op_node = static_cast<OpNode*>(node->user_data);
  return op_node ? op_node->Invoke(context) : kTfLiteError;
}

template <int op>
const TfLiteRegistration* Registration() {
  static const TfLiteRegistration registration = [] {
    TfLiteRegistration r = {};
    r.init = Init<op>;
    r.free = Free;
    r.prepare = Prepare;
    r.invoke = Invoke;
    r.custom_name = kOps[op].name;
    r.version = 1;
    return r;
  }();
  return &registration;
}

template <size_t... ops>
const TfLiteRegistration* Find(const char* name, std::index_sequence<ops...>) {
  const TfLiteRegistration* const all[] = {Registration<ops>()...};
  for (const TfLiteRegistration* registration : all) {
    if (name && std::strcmp(name, registration->custom_name) == 0) return registration;
  }
  return nullptr;
}

}  // namespace
}  // namespace kgn

const TfLiteRegistration* kgn_registration(const char* name) {
  return kgn::Find(name, std::make_index_sequence<kgn::kOpCount>());
}
