// The part of TensorFlow Lite's C ABI that a delegate needs, declared by hand: its headers come in
// no package. Names and layouts are those of core/c/common.h, 2.14 and later; members that we never
// touch keep their place as void pointers. The asserts at the end pin the offsets that we rely on.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

typedef enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 } TfLiteStatus;

typedef enum TfLiteType : int {
  kTfLiteNoType = 0,
  kTfLiteFloat32 = 1,
  kTfLiteInt32 = 2,
  kTfLiteBool = 6,
  kTfLiteInt8 = 9
} TfLiteType;

typedef enum TfLiteAllocationType : int {
  kTfLiteMemNone = 0,
  kTfLiteMmapRo = 1,
  kTfLiteArenaRw = 2,
  kTfLitePersistentRo = 5,
} TfLiteAllocationType;

struct TfLiteContext;
struct TfLiteDelegate;
struct TfLiteRegistration;

// Created with malloc and freed with free on either side of the ABI.
typedef struct TfLiteIntArray {
  int size;
  int data[1];  // `size` of them
} TfLiteIntArray;

typedef struct TfLiteTensor {
  TfLiteType type;
  void* data;
  TfLiteIntArray* dims;
  struct {
    float scale;
    int32_t zero_point;
  } params;
  TfLiteAllocationType allocation_type;
  size_t bytes;
  const void* allocation;
  const char* name;
  TfLiteDelegate* delegate;
  int buffer_handle;
  bool data_is_stale;
  bool is_variable;
  struct {
    int type;
    void* params;
  } quantization;
  void* sparsity;
  const TfLiteIntArray* dims_signature;
} TfLiteTensor;

typedef struct TfLiteNode {
  TfLiteIntArray* inputs;
  TfLiteIntArray* outputs;
  TfLiteIntArray* intermediates;
  TfLiteIntArray* temporaries;
  void* user_data;
  void* builtin_data;
  const void* custom_initial_data;
  int custom_initial_data_size;
  TfLiteDelegate* delegate;
  bool might_have_side_effect;
} TfLiteNode;

typedef struct TfLiteRegistration {
  void* (*init)(TfLiteContext* context, const char* buffer, size_t length);
  void (*free)(TfLiteContext* context, void* buffer);
  TfLiteStatus (*prepare)(TfLiteContext* context, TfLiteNode* node);
  TfLiteStatus (*invoke)(TfLiteContext* context, TfLiteNode* node);
  const char* (*profiling_string)(const TfLiteContext* context, const TfLiteNode* node);
  int32_t builtin_code;
  const char* custom_name;
  int version;
  void* registration_external;
  void* async_kernel;
  uint64_t inplace_operator;
} TfLiteRegistration;

typedef struct TfLiteContext {
  size_t tensors_size;
  TfLiteStatus (*GetExecutionPlan)(TfLiteContext* context, TfLiteIntArray** execution_plan);
  TfLiteTensor* tensors;
  void* impl_;
  // Takes ownership of `new_size`.
  TfLiteStatus (*ResizeTensor)(TfLiteContext*, TfLiteTensor* tensor, TfLiteIntArray* new_size);
  void (*ReportError)(TfLiteContext*, const char* message, ...);
  TfLiteStatus (*AddTensors)(TfLiteContext*, int tensors_to_add, int* first_new_tensor_index);
  TfLiteStatus (*GetNodeAndRegistration)(TfLiteContext*, int node_index, TfLiteNode** node,
                                         TfLiteRegistration** registration);
  TfLiteStatus (*ReplaceNodeSubsetsWithDelegateKernels)(TfLiteContext*,
                                                        TfLiteRegistration registration,
                                                        const TfLiteIntArray* nodes_to_replace,
                                                        TfLiteDelegate* delegate);
  int recommended_num_threads;
  // More members follow.
} TfLiteContext;

// What a delegate kernel's init receives as its buffer.
typedef struct TfLiteDelegateParams {
  TfLiteDelegate* delegate;
  TfLiteIntArray* nodes_to_replace;
  TfLiteIntArray* input_tensors;
  TfLiteIntArray* output_tensors;
} TfLiteDelegateParams;

// The flag that lets a delegate claim custom ops that no resolver knows: the runtime then applies
// the delegate before it prepares the other nodes.
constexpr int64_t kTfLiteDelegateFlagsAllowDynamicTensors = 1;
constexpr int kTfLiteNullBufferHandle = -1;
constexpr int kTfLiteOptionalTensor = -1;

typedef struct TfLiteDelegate {
  void* data_;
  TfLiteStatus (*Prepare)(TfLiteContext* context, TfLiteDelegate* delegate);
  TfLiteStatus (*CopyFromBufferHandle)(TfLiteContext*, TfLiteDelegate*, int handle, TfLiteTensor*);
  TfLiteStatus (*CopyToBufferHandle)(TfLiteContext*, TfLiteDelegate*, int handle, TfLiteTensor*);
  void (*FreeBufferHandle)(TfLiteContext*, TfLiteDelegate*, int* handle);
  int64_t flags;
  void* opaque_delegate_builder;
} TfLiteDelegate;

}  // extern "C"

// Offsets in bytes on 64-bit and on 32-bit machines.
#define KGN_ASSERT_OFFSET(type, member, on64, on32) \
  static_assert(offsetof(type, member) == (sizeof(void*) == 8 ? (on64) : (on32)), #type "." #member)

KGN_ASSERT_OFFSET(TfLiteIntArray, data, 4, 4);
KGN_ASSERT_OFFSET(TfLiteTensor, data, 8, 4);
KGN_ASSERT_OFFSET(TfLiteTensor, dims, 16, 8);
KGN_ASSERT_OFFSET(TfLiteTensor, params, 24, 12);
KGN_ASSERT_OFFSET(TfLiteTensor, allocation_type, 32, 20);
KGN_ASSERT_OFFSET(TfLiteTensor, bytes, 40, 24);
KGN_ASSERT_OFFSET(TfLiteTensor, name, 56, 32);
KGN_ASSERT_OFFSET(TfLiteTensor, buffer_handle, 72, 40);
KGN_ASSERT_OFFSET(TfLiteTensor, is_variable, 77, 45);
KGN_ASSERT_OFFSET(TfLiteTensor, dims_signature, 104, 60);
static_assert(sizeof(TfLiteTensor) == (sizeof(void*) == 8 ? 112 : 64), "TfLiteTensor");
KGN_ASSERT_OFFSET(TfLiteNode, user_data, 32, 16);
KGN_ASSERT_OFFSET(TfLiteNode, custom_initial_data, 48, 24);
KGN_ASSERT_OFFSET(TfLiteNode, custom_initial_data_size, 56, 28);
KGN_ASSERT_OFFSET(TfLiteRegistration, builtin_code, 40, 20);
KGN_ASSERT_OFFSET(TfLiteRegistration, custom_name, 48, 24);
KGN_ASSERT_OFFSET(TfLiteRegistration, version, 56, 28);
static_assert(sizeof(TfLiteRegistration) == (sizeof(void*) == 8 ? 88 : 48),
              "TfLiteRegistration travels by value");
KGN_ASSERT_OFFSET(TfLiteContext, tensors, 16, 8);
KGN_ASSERT_OFFSET(TfLiteContext, ResizeTensor, 32, 16);
KGN_ASSERT_OFFSET(TfLiteContext, ReportError, 40, 20);
KGN_ASSERT_OFFSET(TfLiteContext, GetNodeAndRegistration, 56, 28);
KGN_ASSERT_OFFSET(TfLiteContext, ReplaceNodeSubsetsWithDelegateKernels, 64, 32);
KGN_ASSERT_OFFSET(TfLiteContext, recommended_num_threads, 72, 36);
static_assert(sizeof(TfLiteDelegateParams) == 4 * sizeof(void*), "TfLiteDelegateParams");
KGN_ASSERT_OFFSET(TfLiteDelegate, Prepare, 8, 4);
#ifndef __i386__  // aligns int64_t to 4 bytes
KGN_ASSERT_OFFSET(TfLiteDelegate, flags, 40, 24);
#endif

#undef KGN_ASSERT_OFFSET
