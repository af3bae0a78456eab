// Run allocates no memory: the runtime calls it in real-time loops.
#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "ops/op.h"
#include "tests/flex.h"
#include "third_party/doctest/doctest.h"

namespace {
std::atomic<int> allocations{0};
}

// Every form that the library uses; not inlined, or GCC takes new and free for a mismatch.
#define KGN_REPLACED __attribute__((noinline))

KGN_REPLACED void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size ? size : 1);
}
KGN_REPLACED void* operator new(size_t size, std::align_val_t alignment,
                                const std::nothrow_t&) noexcept {
  ++allocations;
  const size_t align = static_cast<size_t>(alignment);
  return std::aligned_alloc(align, (size + align - 1) / align * align);
}
KGN_REPLACED void* operator new(size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
KGN_REPLACED void* operator new(size_t size, std::align_val_t alignment) {
  if (void* memory = operator new(size, alignment, std::nothrow)) return memory;
  throw std::bad_alloc();
}
KGN_REPLACED void operator delete(void* memory) noexcept { std::free(memory); }
KGN_REPLACED void operator delete(void* memory, size_t) noexcept { std::free(memory); }
KGN_REPLACED void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
KGN_REPLACED void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace kgn {
namespace {

using kgn_test::Options;

// Memory enough for any tensor of this test.
alignas(64) int32_t words[1 << 16];
alignas(64) float floats[1 << 16];
alignas(64) float float_output[1 << 16];
alignas(64) int32_t packed_output[1 << 16];

InputSpec Spec(ElementType type, const Shape& shape, bool constant = false) {
  const void* data = type == ElementType::kInt32 ? static_cast<const void*>(words) : floats;
  return {true, type, shape, constant ? data : nullptr};
}

void ExpectNoAllocation(const char* name, const Options& options,
                        const std::vector<InputSpec>& inputs,
                        const std::vector<OutputSpec>& declared = {}) {
  const std::vector<uint8_t> data = kgn_test::FlexMap(options);
  for (int threads : {1, 2}) {
    ThreadPool pool(threads);
    const auto op = MakeOp(name, data.data(), data.size(), "");
    op->Declare(declared);
    const std::vector<OutputSpec> outputs = op->Prepare(inputs, &pool);
    std::vector<const void*> in;
    std::vector<void*> out;
    for (const InputSpec& input : inputs) {
      in.push_back(input.type == ElementType::kInt32 ? static_cast<const void*>(words) : floats);
    }
    for (const OutputSpec& output : outputs) {
      out.push_back(output.type == ElementType::kInt32 ? static_cast<void*>(packed_output)
                                                       : float_output);
    }
    CHECK(allocations > 0);  // they are counted
    const int before = allocations;
    for (int i = 0; i < 3; ++i) op->Run(in.data(), out.data());
    const int during = allocations - before;  // CHECK_EQ itself may allocate
    CHECK_EQ(during, 0);
  }
}

TEST_CASE("our ops run without allocating") {
  const auto f = ElementType::kFloat32;
  const auto i = ElementType::kInt32;
  for (int bits : {1, 2, 32}) {
    const int depth = bits == 32 ? 40 : 2 * bits;
    const auto type = bits == 32 ? f : i;
    const Options conv = {{"version", 1},         {"bits", bits},        {"channels_in", 40},
                          {"groups", 1},          {"stride_height", 1},  {"stride_width", 1},
                          {"dilation_height", 1}, {"dilation_width", 1}, {"padding", 0},
                          {"pad_value", 0},       {"pre_activation", 0}, {"activation", 1},
                          {"float_output", 1},    {"out_bits", 2},       {"out_scale", 3.0f}};
    ExpectNoAllocation(
        "KgnConv2D", conv,
        {Spec(type, {2, 9, 7, depth}), Spec(i, {33, 3, 3, 2}, true), Spec(f, {33}, true),
         Spec(f, {33}, true), Spec(f, {2, 9, 7, 1}), Spec(f, {2, 9, 7, 33})});
    const Options dense = {{"version", 1},      {"bits", bits},     {"channels_in", 40},
                           {"activation", 0},   {"out_bits", 1},    {"pre_activation", 0},
                           {"float_output", 1}, {"out_scale", 1.0f}};
    ExpectNoAllocation(
        "KgnDense", dense,
        {Spec(type, {5, depth}), Spec(i, {33, 2}, true), Spec(f, {33}, true), Spec(f, {33}, true)});
  }
  ExpectNoAllocation("KgnQuantize", {{"version", 1}, {"bits", 2}, {"scale", 3.0f}},
                     {Spec(f, {2, 9, 7, 33}), Spec(f, {33}), Spec(f, {33})});
  ExpectNoAllocation("KgnDequantize",
                     {{"version", 1}, {"bits", 2}, {"channels", 33}, {"scale", 0.5f}},
                     {Spec(i, {2, 9, 7, 4})});
  ExpectNoAllocation("KgnScaleMap",
                     {{"version", 1},
                      {"kernel_height", 3},
                      {"kernel_width", 3},
                      {"stride_height", 2},
                      {"stride_width", 1},
                      {"dilation_height", 1},
                      {"dilation_width", 1},
                      {"padding", 0}},
                     {Spec(f, {2, 9, 7, 33})});
  ExpectNoAllocation("KgnMaxPool2D",
                     {{"version", 1},
                      {"bits", 2},
                      {"channels", 33},
                      {"filter_height", 2},
                      {"filter_width", 2},
                      {"stride_height", 2},
                      {"stride_width", 2},
                      {"padding", 0}},
                     {Spec(i, {2, 9, 7, 4})});
}

TEST_CASE("Larq's ops run without allocating") {
  const auto f = ElementType::kFloat32;
  const auto i = ElementType::kInt32;
  const auto i8 = ElementType::kInt8;
  ExpectNoAllocation("LceQuantize", {}, {Spec(f, {2, 9, 7, 33})});
  ExpectNoAllocation("LceQuantize", {}, {Spec(i8, {2, 9, 7, 33})});
  ExpectNoAllocation("LceDequantize", {}, {Spec(i, {2, 9, 7, 2})}, {{f, {2, 9, 7, 33}}});
  ExpectNoAllocation("LceDequantize", {}, {Spec(i, {2, 9, 7, 2})},
                     {{i8, {2, 9, 7, 33}, {0.5f, 3}}});
  ExpectNoAllocation("LceBMaxPool2d",
                     {{"filter_height", 2},
                      {"filter_width", 2},
                      {"stride_height", 2},
                      {"stride_width", 2},
                      {"padding", 0}},
                     {Spec(i, {2, 9, 7, 2})});
  for (const OutputSpec& output : {OutputSpec{f, {}}, {i8, {}, {0.5f, 3}}, {i, {}}}) {
    ExpectNoAllocation("LceBconv2d",
                       {{"channels_in", 40},
                        {"dilation_height_factor", 1},
                        {"dilation_width_factor", 1},
                        {"fused_activation_function", 1},
                        {"pad_values", 0},
                        {"padding", 0},
                        {"stride_height", 1},
                        {"stride_width", 1}},
                       {Spec(i, {2, 9, 7, 2}), Spec(i, {33, 3, 3, 2}, true), Spec(f, {33}, true),
                        Spec(f, {33}, true), Spec(i, {33}, true)},
                       {output});
  }
}

}  // namespace
}  // namespace kgn
