#include "core/quantize.h"

#include "core/bitpack.h"
#include "core/kernels.h"

namespace kgn {

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
  pool->ParallelRanges(pixels, 4 * params.channels, [&](int64_t begin, int64_t end) {
    row->quantize(
        {end - begin, params.channels, params.bits, params.scale, params.multiplier, params.bias,
         input + begin * params.channels,
         reinterpret_cast<uint32_t*>(output) + begin * PackedWords(params.channels, params.bits)});
  });
}

}  // namespace kgn
