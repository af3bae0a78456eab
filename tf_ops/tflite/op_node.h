// One op in a TFLite graph: fetches tensors, reports errors, measures time. The delegate and the
// static registrations both consist of these.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "ops/op.h"
#include "tflite/c_api.h"
#include "tflite/profile.h"

namespace kgn {

class OpNode {
 public:
  struct Settings {
    int num_threads = -1;              // -1: what the runtime recommends
    std::string kernel;                // empty: the best one
    std::shared_ptr<Profile> profile;  // null: measure nothing
    bool rest_after = false;           // the next op is not ours: threads need not wait for it
  };

  // Keeps an error in the options for Prepare to report, where the runtime listens.
  OpNode(std::string name, const void* options, size_t size, const Settings& settings);

  // Which tensors of the graph the op reads and writes. `allocated`: the outputs that the runtime
  // gives memory; null: all.
  void SetTensors(const TfLiteIntArray& inputs, const TfLiteIntArray& outputs,
                  const TfLiteIntArray* allocated = nullptr);

  TfLiteStatus Prepare(TfLiteContext* context) noexcept;
  TfLiteStatus Invoke(TfLiteContext* context) noexcept;

 private:
  void PrepareOrThrow(TfLiteContext* context);
  std::string Label(TfLiteContext* context) const;

  std::string name_;
  Settings settings_;
  std::string option_error_;
  std::unique_ptr<Op> op_;
  std::vector<int> inputs_, outputs_;
  std::vector<bool> is_allocated_;                  // one an output
  std::vector<std::vector<int32_t>> unread_;        // memory for the outputs that are not
  std::vector<size_t> input_bytes_, output_bytes_;  // what Prepare found and asked for
  std::vector<const void*> input_data_;
  std::vector<void*> output_data_;
  bool ready_ = false;  // the last Prepare succeeded
  bool empty_ = false;  // a batch of 0: nothing to compute
  std::shared_ptr<ThreadPool> pool_;
  Profile::Row* row_ = nullptr;
};

}  // namespace kgn
