#include "core/thread_pool.h"

#include <algorithm>
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

// A ticket: the generation (32 bits), chunks claimed from the back (16) and from the front (16).
constexpr int64_t kMaxChunks = 0xffff;
constexpr uint64_t kClosed = kMaxChunks;  // as many from the front: no chunk is left
constexpr uint64_t kOneFromFront = 1;
constexpr uint64_t kOneFromBack = uint64_t{1} << 16;

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
  const int64_t per_chunk = (tasks + kMaxChunks - 1) / kMaxChunks;
  const int64_t chunks = (tasks + per_chunk - 1) / per_chunk;
  const uint64_t generation = generation_.load() + 1;
  ticket_.store(generation << 32 | kClosed);
  tasks_.store(tasks);
  per_chunk_.store(per_chunk);
  body_.store(body);
  context_.store(context);
  done_.store(0);
  resting_.store(false);
  ticket_.store(generation << 32);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    generation_.store(generation);
  }
  start_.notify_all();
  DoTasks(0);
  for (int spin = 0; done_.load() != chunks; ++spin) {
    if (spin < kSpins) {
      Pause();
    } else {
      std::this_thread::yield();
    }
  }
}

void ThreadPool::DoTasks(int thread) {
  for (uint64_t ticket = ticket_.load();;) {
    const Body body = body_.load();
    void* const context = context_.load();
    const int64_t tasks = tasks_.load();
    const int64_t per_chunk = per_chunk_.load();
    const int64_t chunks = (tasks + per_chunk - 1) / per_chunk;
    const int64_t front = static_cast<int64_t>(ticket & 0xffff);
    const int64_t back = static_cast<int64_t>(ticket >> 16 & 0xffff);
    if (front + back >= chunks) return;
    const int64_t chunk = thread == 0 ? front : chunks - 1 - back;
    if (!ticket_.compare_exchange_weak(ticket,
                                       ticket + (thread == 0 ? kOneFromFront : kOneFromBack)))
      continue;
    const int64_t end = std::min(tasks, (chunk + 1) * per_chunk);
    for (int64_t task = chunk * per_chunk; task < end; ++task) body(context, task, thread);
    done_.fetch_add(1);
    ticket = ticket_.load();
  }
}

void ThreadPool::WorkerLoop(int thread) {
  for (uint64_t seen = 0;;) {
    for (int spin = 0; spin < kSpins && generation_.load() == seen && !resting_.load(); ++spin)
      Pause();
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
