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

constexpr uint64_t kClosed = 0xffffffffu;  // no task can be claimed

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
  if (workers_.empty() || tasks <= 1 || tasks >= static_cast<int64_t>(kClosed)) {
    for (int64_t task = 0; task < tasks; ++task) body(context, task, 0);
    return;
  }
  const uint64_t generation = generation_.load() + 1;
  ticket_.store(generation << 32 | kClosed);
  tasks_.store(tasks);
  body_.store(body);
  context_.store(context);
  done_.store(0);
  ticket_.store(generation << 32);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    generation_.store(generation);
  }
  start_.notify_all();
  DoTasks(0);
  for (int spin = 0; done_.load() != tasks; ++spin) {
    if (spin < kSpins) {
      Pause();
    } else {
      std::this_thread::yield();
    }
  }
}

void ThreadPool::DoTasks(int thread) {
  for (uint64_t ticket = ticket_.load();;) {
    const int64_t task = static_cast<int64_t>(ticket & kClosed);
    const Body body = body_.load();
    void* const context = context_.load();
    if (task >= tasks_.load() || task == static_cast<int64_t>(kClosed)) return;
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1)) continue;
    body(context, task, thread);
    done_.fetch_add(1);
    ticket = ticket_.load();
  }
}

void ThreadPool::WorkerLoop(int thread) {
  for (uint64_t seen = 0;;) {
    for (int spin = 0; spin < kSpins && generation_.load() == seen; ++spin) Pause();
    if (generation_.load() == seen) {
      std::unique_lock<std::mutex> lock(mutex_);
      start_.wait(lock, [&] { return generation_.load() != seen; });
    }
    seen = generation_.load();
    if (stop_) return;
    DoTasks(thread);
  }
}

}  // namespace kgn
