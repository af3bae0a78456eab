#pragma once

#include <cstdio>
#include <cstdlib>

// A test is a program: it checks with CHECK and ends with `return kgn_test::Finish();`, which
// prints the counts and says whether all held.
namespace kgn_test {

inline int& Checks() {
  static int checks = 0;
  return checks;
}

inline int& Failures() {
  static int failures = 0;
  return failures;
}

inline int Finish() {
  std::printf("%d checks, %d failures\n", Checks(), Failures());
  return Failures() == 0 && Checks() > 0 ? 0 : 1;
}

}  // namespace kgn_test

// The arguments after the condition are a printf format and its values.
#define CHECK(condition, ...)                                                \
  do {                                                                       \
    ++kgn_test::Checks();                                                    \
    if (!(condition)) {                                                      \
      if (++kgn_test::Failures() <= 20) {                                    \
        std::printf("%s:%d: expected %s: ", __FILE__, __LINE__, #condition); \
        std::printf(__VA_ARGS__);                                            \
        std::printf("\n");                                                   \
      }                                                                      \
    }                                                                        \
  } while (false)
