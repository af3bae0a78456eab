// Time spent in each op of a delegate, as a table.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <mutex>
#include <string>

namespace kgn {

class Profile {
 public:
  // One op of one interpreter; only its own thread writes to it.
  struct Row {
    std::string op;
    std::string tensor;  // its first output
    std::string kernel;
    int64_t calls = 0;
    int64_t nanoseconds = 0;
  };

  // The row lives as long as the profile.
  Row* AddRow();

  // Prints the rows in the order of the graph, and their sum.
  void Print(std::FILE* file) const;

 private:
  mutable std::mutex mutex_;
  std::deque<Row> rows_;
};

}  // namespace kgn
