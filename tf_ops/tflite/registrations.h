// The ops as plain registrations, for programs that link statically and add custom ops to their
// resolver (iOS, or any build without plugins):
//
//   for (const char* name : {"KgnQuantize", "KgnConv2D", "KgnDense", "KgnMaxPool2D",
//                            "KgnDequantize", "KgnScaleMap"})
//     resolver.AddCustom(name, reinterpret_cast<const
//     TfLiteRegistration*>(kgn_registration(name)));
//
// Larq's files need "LceQuantize" and so on, too (ops/op.cc).
//
// They share all code with the delegate and take the number of threads from the runtime.
#pragma once

#include "tflite/c_api.h"

// The registration of a custom op; null for a name that is not ours. Lives for ever.
extern "C" __attribute__((visibility("default"))) const TfLiteRegistration* kgn_registration(
    const char* name);
