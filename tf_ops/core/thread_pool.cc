#include "core/thread_pool.h"

#include <new>
#include <system_error>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kgn {
namespace {

// The layers of a net follow each other within microseconds, waking a sleeping thread takes tens of
// them: wait a while before sleeping.
constexpr int kSpins = 4000;

void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int num_threads) {
  try {
    for (int thread = 1; thread < num_threads; ++thread) {
      workers_.emplace_back([this, thread] { WorkerLoop(thread); });
    }
  } catch (const std::system_error&) {
    // Fewer workers do the same work.
  } catch (const std::bad_alloc&) {
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    generation_.fetch_add(1);
  }
  start_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::ParallelFor(int64_t tasks, Body body, void* context) {
  if (workers_.empty() || tasks <= 1) {
    for (int64_t task = 0; task < tasks; ++task) body(context, task, 0);
    return;
  }
  tasks_ = tasks;
  body_ = body;
  context_ = context;
  next_task_.store(0);
  busy_.store(static_cast<int>(workers_.size()));
  {
    std::lock_guard<std::mutex> lock(mutex_);
    generation_.fetch_add(1);
  }
  start_.notify_all();
  DoTasks(0);
  // Until every worker has seen this generation the fields above must not change.
  for (int spin = 0; busy_.load() != 0; ++spin) {
    if (spin < kSpins) {
      Pause();
    } else {
      std::this_thread::yield();
    }
  }
}

void ThreadPool::DoTasks(int thread) {
  for (int64_t task = next_task_.fetch_add(1); task < tasks_; task = next_task_.fetch_add(1)) {
    body_(context_, task, thread);
  }
}

void ThreadPool::WorkerLoop(int thread) {
  for (uint64_t seen = 0;; ++seen) {
    for (int spin = 0; spin < kSpins && generation_.load() == seen; ++spin) Pause();
    if (generation_.load() == seen) {
      std::unique_lock<std::mutex> lock(mutex_);
      start_.wait(lock, [&] { return generation_.load() != seen; });
    }
    if (stop_) return;
    DoTasks(thread);
    busy_.fetch_sub(1);
  }
}

}  // namespace kgn
