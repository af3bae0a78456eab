// One thread pool for all ops of an interpreter, however they came into it.
#pragma once

#include <memory>

#include "core/thread_pool.h"
#include "tflite/c_api.h"

namespace kgn {

// The pool of the graph `context`, made on the first call and dropped with its last user.
// `num_threads` = -1 asks the runtime. Graphs share no pool: their interpreters may run at once.
std::shared_ptr<ThreadPool> SharedPool(const TfLiteContext* context, int num_threads);

}  // namespace kgn
