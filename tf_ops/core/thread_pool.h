#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace kgn {

// Persistent workers. The calling thread works too, so ThreadPool(1) starts none.
// One ParallelFor at a time: the pool belongs to one interpreter, two interpreters have two pools.
class ThreadPool {
 public:
  explicit ThreadPool(int num_threads = 1);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // May be less than asked for, when the system refuses more threads.
  int num_threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(context, task, thread) once for each task in [0, tasks), thread in [0,
  // num_threads()). Allocates nothing. Tasks must not depend on each other; results are the same
  // for any number of threads because a task is never split.
  using Body = void (*)(void* context, int64_t task, int thread);
  void ParallelFor(int64_t tasks, Body body, void* context);

  // Workers wait awake for the next ParallelFor, as the ops of a net follow each other closely.
  // This sends them to sleep at once: what comes next is somebody else's and needs the cores.
  void Rest() { resting_.store(true); }

  template <typename F>
  void ParallelFor(int64_t tasks, F& f) {
    ParallelFor(
        tasks,
        [](void* context, int64_t task, int thread) { (*static_cast<F*>(context))(task, thread); },
        &f);
  }

  // Calls body(first, end) for ranges that cover [0, items): as many as are worth a thread's while,
  // an item being `bytes` of memory to go through.
  template <typename F>
  void ParallelRanges(int64_t items, int64_t bytes, const F& body) {
    constexpr int64_t kTaskBytes = 64 * 1024;
    const int64_t most = num_threads() == 1 ? 1 : 4 * num_threads();
    const int64_t tasks = std::max<int64_t>(1, std::min({most, items, items * bytes / kTaskBytes}));
    auto range = [&](int64_t task, int) { body(items * task / tasks, items * (task + 1) / tasks); };
    ParallelFor(tasks, range);
  }

 private:
  void WorkerLoop(int thread);
  void DoTasks(int thread);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_;
  // Counts the calls of ParallelFor, to wake workers.
  std::atomic<uint64_t> generation_{0};
  // The generation and which chunks of its tasks are taken. A chunk is claimed by counting this up,
  // which succeeds only if the generation is still the one whose fields below were read. So nobody
  // waits for workers that come late. The caller takes chunks from the front and workers from the
  // back: with two threads, each finds in its own cache most of what it wrote in the op before.
  std::atomic<uint64_t> ticket_{0};
  std::atomic<int64_t> done_{0};  // chunks
  std::atomic<int64_t> tasks_{0};
  std::atomic<int64_t> per_chunk_{1};
  std::atomic<Body> body_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::atomic<bool> resting_{false};
  std::atomic<bool> stop_{false};
};

}  // namespace kgn
