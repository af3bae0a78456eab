#include "tflite/shared_pool.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

namespace kgn {

std::shared_ptr<ThreadPool> SharedPool(const TfLiteContext* context, int num_threads) {
  using Key = std::pair<const TfLiteContext*, int>;
  // Never destroyed: interpreters may outlive this library's static objects.
  static auto& mutex = *new std::mutex;
  static auto& pools = *new std::map<Key, std::weak_ptr<ThreadPool>>;

  if (num_threads < 1) num_threads = std::max(context->recommended_num_threads, 1);
  const std::lock_guard<std::mutex> lock(mutex);
  for (auto it = pools.begin(); it != pools.end();) {
    it = it->second.expired() ? pools.erase(it) : std::next(it);
  }
  std::weak_ptr<ThreadPool>& entry = pools[Key(context, num_threads)];
  std::shared_ptr<ThreadPool> pool = entry.lock();
  if (!pool) {
    pool = std::make_shared<ThreadPool>(num_threads);
    entry = pool;
  }
  return pool;
}

}  // namespace kgn
