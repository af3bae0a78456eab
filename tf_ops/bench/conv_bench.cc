// Times the convolution rows of kernels.inc on shapes of real nets against this core's peak, one
// thread, candidates interleaved. Usage: conv_bench [rounds] [bits ...]
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "bench/peak_loops.h"
#include "bench/timing.h"
#include "core/aligned_buffer.h"
#include "core/conv2d.h"
#include "core/kernels.h"
#include "core/layout.h"
#include "tests/random_data.h"

namespace {

using kgn_bench::Candidate;

struct Shape {
  const char* name;
  int height, width, channels_in, channels_out, kernel, stride;
  int64_t Macs() const {
    return int64_t{1} * ((height + stride - 1) / stride) * ((width + stride - 1) / stride) *
           channels_in * channels_out * kernel * kernel;
  }
};

const Shape kShapes[] = {
    {"3x3 56x56x64", 56, 56, 64, 64, 3, 1},          {"3x3 28x28x128", 28, 28, 128, 128, 3, 1},
    {"3x3 14x14x256", 14, 14, 256, 256, 3, 1},       {"3x3 7x7x512", 7, 7, 512, 512, 3, 1},
    {"3x3/2 56x56 64-128", 56, 56, 64, 128, 3, 2},   {"1x1/2 56x56 64-128", 56, 56, 64, 128, 1, 2},
    {"1x1 14x14 1024-256", 14, 14, 1024, 256, 1, 1}, {"dense 4096-4096", 1, 1, 4096, 4096, 1, 1},
};

// One convolution with its tensors.
struct Job {
  kgn::Conv2D conv;
  std::vector<int32_t> input, filter;
  std::vector<float> float_input, ones;
  kgn::AlignedBuffer output;  // runtimes align tensors to cache lines
  kgn::ThreadPool pool{1};
  kgn::ConvTensors tensors;

  Job(const Shape& s, int bits, const char* kernel) {
    kgn_test::Random random(1);
    kgn::ConvParams p;
    p.bits = bits;
    p.channels_in = s.channels_in;
    p.channels_out = s.channels_out;
    p.kernel_height = p.kernel_width = s.kernel;
    p.stride_height = p.stride_width = s.stride;
    p.pad_value = bits == 1 ? 1 : 0;
    if (bits == 32) {
      float_input =
          kgn_test::RandomFloats(&random, int64_t{1} * s.height * s.width * s.channels_in, 1);
    } else {
      input = kgn_test::RandomPacked(&random, int64_t{1} * s.height * s.width, s.channels_in, bits);
    }
    filter = kgn_test::RandomPacked(&random, int64_t{1} * s.channels_out * s.kernel * s.kernel,
                                    s.channels_in, 1);
    ones.assign(s.channels_out, 1.0f);
    kgn::ConvWeights weights;
    weights.weights = filter.data();
    weights.multiplier = weights.bias = ones.data();
    kgn::Status status = conv.Prepare(p, weights, kernel);
    if (status.ok()) status = conv.Reshape(1, s.height, s.width, 1);
    if (status.ok())
      status = output.Allocate(4 * conv.output_height() * conv.output_width() * s.channels_out);
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", status.message().c_str());
      std::exit(1);
    }
    tensors.input = bits == 32 ? static_cast<const void*>(float_input.data()) : input.data();
    tensors.float_out = output.data<float>();
  }
};

void Bench(const Shape& shape, int bits, int rounds) {
  std::vector<Candidate> candidates;
  std::vector<double> peak_macs;
  const std::vector<kgn_bench::PeakLoop> peaks = kgn_bench::PeakLoops();
  for (const kgn_bench::PeakLoop& peak : peaks) {
    const int repeats = static_cast<int>(shape.Macs() / peak.run(1)) + 1;
    peak_macs.push_back(static_cast<double>(peak.run(repeats)));
    candidates.push_back({peak.name, [=] { peak.run(repeats); }, {}});
  }
  int count = 0;
  const kgn::ConvKernel* rows = kgn::ConvKernels(&count);
  std::vector<std::shared_ptr<Job>> jobs;
  for (int i = 0; i < count; ++i) {
    if ((rows[i].bits & bits) == 0 || rows[i].layout().depthwise() ||
        !kgn::CheckKernelName(rows[i].name).ok())
      continue;
    const auto job = std::make_shared<Job>(shape, bits, rows[i].name);
    candidates.push_back({rows[i].name, [job] { job->conv.Run(job->tensors, &job->pool); }, {}});
  }
  kgn_bench::Interleave(&candidates, rounds);
  // The fastest peak per instruction set is what rows of that set are measured by.
  std::printf("\n%s, %d-bit activations, %.1f M multiply-accumulates\n", shape.name, bits,
              1e-6 * shape.Macs());
  std::printf("  %-24s %10s %10s %8s %18s\n", "", "min us", "median us", "G/s",
              "of AVX-512 popcount");
  double reference = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& c = candidates[i];
    const double scale = i < peaks.size() ? shape.Macs() / peak_macs[i] : 1.0;
    const double rate = shape.Macs() / (c.Minimum() * scale) * 1e-9;
    if (i == 0) reference = rate;
    std::printf("  %-24s %10.1f %10.1f %8.0f %17.1f%%\n", c.name.c_str(), 1e6 * c.Minimum() * scale,
                1e6 * c.Median() * scale, rate, 100 * rate / reference);
  }
}

// Sums the words of a buffer: what reading it costs.
void ReadAll(const std::vector<uint64_t>& words) {
  uint64_t sums[8] = {};
  for (size_t i = 0; i + 8 <= words.size(); i += 8) {
    for (int j = 0; j < 8; ++j) sums[j] += words[i + j];
  }
  for (uint64_t sum : sums) asm volatile("" : : "r"(sum));
}

// One image makes a dense layer as slow as its weights are read: `layers` of them in turn, 2 MiB of
// bits each, against reading as many bytes.
void BenchDense(int layers, int rounds) {
  const Shape shape = {"dense", 1, 1, 4096, 4096, 1, 1};
  const double bytes = layers * shape.Macs() / 8.0;
  std::vector<std::unique_ptr<Job>> jobs;
  for (int i = 0; i < layers; ++i) jobs.emplace_back(new Job(shape, 1, ""));
  const std::vector<uint64_t> words(static_cast<size_t>(bytes) / 8, 1);
  std::vector<Candidate> candidates = {
      {"read", [&] { ReadAll(words); }, {}},
      {"dense",
       [&] {
         for (const auto& job : jobs) job->conv.Run(job->tensors, &job->pool);
       },
       {}},
  };
  kgn_bench::Interleave(&candidates, rounds);
  const double read = bytes / candidates[0].Minimum(), dense = bytes / candidates[1].Minimum();
  std::printf("\n%d dense layers 4096-4096 in turn, %.0f MiB of weights, 1-bit activations\n",
              layers, bytes / (1 << 20));
  std::printf("  reading as many bytes %.1f GB/s, weights %.1f GB/s: %.0f%%\n", 1e-9 * read,
              1e-9 * dense, 100 * dense / read);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 50;
  std::vector<int> bits;
  for (int i = 2; i < argc; ++i) bits.push_back(std::atoi(argv[i]));
  if (bits.empty()) bits = {1, 2, 4};
  for (const Shape& shape : kShapes) {
    for (int b : bits) Bench(shape, b, rounds);
  }
  BenchDense(1, rounds);
  BenchDense(64, rounds);
  return 0;
}
