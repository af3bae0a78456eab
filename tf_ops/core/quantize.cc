#include "core/quantize.h"

#include <algorithm>

#include "core/bitpack.h"
#include "core/kernels.h"

namespace kgn {
namespace {

// Floats a task should have: enough to be worth a thread's while.
constexpr int64_t kTaskFloats = 16 * 1024;

}  // namespace

Status CheckQuantize(const QuantizeParams& params, const std::string& kernel) {
  if (params.channels < 1 || PackedWords(params.channels, params.bits) == 0) {
    return Status::Error(
        "quantize: expected bits 1, 2 or 4 and at least one channel. Received: bits=%d, "
        "channels=%lld",
        params.bits, static_cast<long long>(params.channels));
  }
  if (!(params.scale > 0))
    return Status::Error("quantize: scale must be > 0. Received: scale=%g",
                         static_cast<double>(params.scale));
  if ((params.multiplier == nullptr) != (params.bias == nullptr))
    return Status::Error("quantize: expected multiplier and bias, or neither");
  return CheckKernelName(kernel);
}

void Quantize(const QuantizeParams& params, int64_t pixels, const float* input, int32_t* output,
              ThreadPool* pool, const std::string& kernel) {
  const QuantizeKernel* row = ChooseQuantizeKernel(kernel);
  const int64_t most = pool->num_threads() == 1 ? 1 : 4 * pool->num_threads();
  const int64_t tasks =
      std::max<int64_t>(1, std::min({most, pixels, pixels * params.channels / kTaskFloats}));
  auto body = [&](int64_t task, int) {
    const int64_t begin = pixels * task / tasks;
    const int64_t end = pixels * (task + 1) / tasks;
    row->quantize(
        {end - begin, params.channels, params.bits, params.scale, params.multiplier, params.bias,
         input + begin * params.channels,
         reinterpret_cast<uint32_t*>(output) + begin * PackedWords(params.channels, params.bits)});
  };
  pool->ParallelFor(tasks, body);
}

}  // namespace kgn
