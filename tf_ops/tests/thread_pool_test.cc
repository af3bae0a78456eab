// Each task runs once, on any number of threads, and two pools may work at once.
#include "core/thread_pool.h"

#include <atomic>
#include <thread>
#include <vector>

#include "third_party/doctest/doctest.h"

namespace {

void Exercise(int threads, std::atomic<int>* wrong) {
  kgn::ThreadPool pool(threads);
  for (int round = 0; round < 300; ++round) {
    const int64_t tasks = round == 200 ? 200001 : round % 17;  // more than can be claimed singly
    std::vector<int> done(tasks, 0);
    auto body = [&](int64_t task, int thread) {
      if (thread < 0 || thread >= pool.num_threads()) ++*wrong;
      ++done[task];
    };
    pool.ParallelFor(tasks, body);
    if (round % 5 == 0) pool.Rest();
    for (int count : done) *wrong += count != 1;
  }
}

TEST_CASE("each task runs once on any number of threads") {
  for (int threads : {1, 2, 3, 4, 9}) {
    INFO(threads, " threads");
    std::atomic<int> wrong{0};
    Exercise(threads, &wrong);
    CHECK_EQ(wrong.load(), 0);
  }
}

TEST_CASE("two pools work at once") {
  std::atomic<int> wrong{0};
  std::thread other([&] { Exercise(3, &wrong); });
  Exercise(2, &wrong);
  other.join();
  CHECK_EQ(wrong.load(), 0);
}

}  // namespace
