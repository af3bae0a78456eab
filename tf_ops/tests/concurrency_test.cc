// Interpreters in several threads at once: nothing that they share may race. Build it with
// -DKGN_SANITIZE=thread to see.
#include <algorithm>
#include <thread>
#include <vector>

#include "tests/flex.h"
#include "tests/random_data.h"
#include "tests/stand_in_graph.h"
#include "third_party/doctest/doctest.h"

extern "C" {
TfLiteDelegate* tflite_plugin_create_delegate(const char* const* keys, const char* const* values,
                                              size_t count, void (*report_error)(const char*));
void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate);
}

namespace kgn {
namespace {

using kgn_test::FlexMap;
using kgn_test::Random;
using kgn_test::StandInGraph;

TfLiteDelegate* CreateDelegate(const char* threads) {
  const char* const key = "num_threads";
  return tflite_plugin_create_delegate(&key, &threads, 1, nullptr);
}

// A 3x3 convolution; appends its output to the graph's tensors.
int AddConv(StandInGraph* graph, Random* random, int input, int bits, int channels_in,
            int channels_out, int out_bits) {
  const std::vector<int> shape = {channels_out, 3, 3, (channels_in + 31) / 32};
  std::vector<int32_t> words;
  for (int i = 0; i < channels_out * 9; ++i) {
    const auto tap = kgn_test::RandomPacked(random, 1, channels_in, 1);
    words.insert(words.end(), tap.begin(), tap.end());
  }
  const auto multiplier = kgn_test::RandomFloats(random, channels_out, 0.1f);
  const auto bias = kgn_test::RandomFloats(random, channels_out, 1.0f);
  const size_t bytes = 4 * static_cast<size_t>(channels_out);
  const int weights = graph->AddConstant(kTfLiteInt32, shape, words.data(), 4 * words.size());
  const int multipliers =
      graph->AddConstant(kTfLiteFloat32, {channels_out}, multiplier.data(), bytes);
  const int biases = graph->AddConstant(kTfLiteFloat32, {channels_out}, bias.data(), bytes);
  const int output = graph->AddTensor(out_bits ? kTfLiteInt32 : kTfLiteFloat32, {});
  graph->AddNode("KgnConv2D", {input, weights, multipliers, biases}, {output},
                 FlexMap({{"version", 1},
                          {"bits", bits},
                          {"channels_in", channels_in},
                          {"groups", 1},
                          {"stride_height", 1},
                          {"stride_width", 1},
                          {"dilation_height", 1},
                          {"dilation_width", 1},
                          {"padding", 0},
                          {"pad_value", 0},
                          {"pre_activation", 0},
                          {"activation", 0},
                          {"float_output", out_bits ? 0 : 1},
                          {"out_bits", out_bits},
                          {"out_scale", out_bits ? 2.0f : 1.0f}}));
  return output;
}

// Quantize, convolve to 2 bits, pool, convolve to floats. The input is tensor 0.
class Net : public StandInGraph {
 public:
  explicit Net(int num_threads) : StandInGraph(size_t{1} << 26, num_threads) {
    Random random(7);
    const int x = AddTensor(kTfLiteFloat32, {2, 13, 11, 35});
    const int signs = AddTensor(kTfLiteInt32, {});
    AddNode("KgnQuantize", {x}, {signs}, FlexMap({{"version", 1}, {"bits", 1}, {"scale", 1.0f}}));
    const int codes = AddConv(this, &random, signs, 1, 35, 40, 2);
    const int pooled = AddTensor(kTfLiteInt32, {});
    AddNode("KgnMaxPool2D", {codes}, {pooled},
            FlexMap({{"version", 1},
                     {"bits", 2},
                     {"channels", 40},
                     {"filter_height", 2},
                     {"filter_width", 2},
                     {"stride_height", 1},
                     {"stride_width", 1},
                     {"padding", 0}}));
    output_ = AddConv(this, &random, pooled, 2, 40, 33, 0);
  }

  // The answer for random images; empty if anything fails.
  std::vector<float> Answer(uint64_t seed) {
    Random random(seed);
    const auto images = kgn_test::RandomFloats(&random, 2 * 13 * 11 * 35, 1.0f);
    std::copy(images.begin(), images.end(), data<float>(0));
    if (Invoke() != kTfLiteOk) return {};
    return std::vector<float>(data<float>(output_), data<float>(output_) + 2 * 13 * 11 * 33);
  }

 private:
  int output_;
};

constexpr int kRounds = 4;
constexpr int kAnswers = 5;

std::vector<std::vector<float>> expected;

// What one thread does with a delegate (null: the registrations): nets come and go and answer.
int Exercise(TfLiteDelegate* delegate) {
  int wrong = 0;
  for (int round = 0; round < kRounds; ++round) {
    Net net(2);
    if (delegate) {
      wrong += net.ApplyDelegate(delegate) != kTfLiteOk;
    } else {
      net.UseRegistrations();
    }
    if (net.Allocate() != kTfLiteOk) return wrong + 1;
    for (uint64_t seed = 0; seed < kAnswers; ++seed) wrong += net.Answer(seed) != expected[seed];
  }
  return wrong;
}

// A thread for each of `delegates`.
void ExerciseAll(const char* what, const std::vector<TfLiteDelegate*>& delegates) {
  std::vector<int> wrong(delegates.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < delegates.size(); ++i) {
    threads.emplace_back([&, i] { wrong[i] = Exercise(delegates[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  INFO(what);
  for (int count : wrong) CHECK_EQ(count, 0);
}

TEST_CASE("interpreters in several threads at once") {
  {
    Net net(1);
    net.UseRegistrations();
    CHECK_EQ(net.Allocate(), kTfLiteOk);
    for (uint64_t seed = 0; seed < kAnswers; ++seed) {
      expected.push_back(net.Answer(seed));
      CHECK_EQ(expected.back().size(), size_t{2 * 13 * 11 * 33});
    }
    CHECK(expected[0] != expected[1]);
  }
  TfLiteDelegate* const one = CreateDelegate("1");
  TfLiteDelegate* const two = CreateDelegate("2");
  TfLiteDelegate* const runtimes = CreateDelegate("-1");
  ExerciseAll("two delegates", {one, two});
  ExerciseAll("one delegate in two threads", {two, two});
  ExerciseAll("registrations and a delegate", {nullptr, nullptr, runtimes});
  for (TfLiteDelegate* delegate : {one, two, runtimes}) tflite_plugin_destroy_delegate(delegate);
}

}  // namespace
}  // namespace kgn
