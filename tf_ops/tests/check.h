// The little that the C++ tests need of a test framework: failed checks are printed and counted.
#pragma once

#include <cstdio>
#include <sstream>

namespace kgn::test {

inline int failures = 0;

inline int Finish() {
  if (failures != 0) std::printf("%d checks failed\n", failures);
  return failures != 0;
}

template <typename A, typename B>
void Equal(const A& a, const B& b, const char* what, const char* file, int line) {
  if (a == b) return;
  ++failures;
  std::ostringstream text;
  text << file << ":" << line << ": " << what << ". Received: " << a << " and " << b;
  std::printf("%s\n", text.str().c_str());
}

}  // namespace kgn::test

#define CHECK_EQ(a, b) kgn::test::Equal((a), (b), "expected " #a " == " #b, __FILE__, __LINE__)
#define CHECK_TRUE(a) \
  kgn::test::Equal(static_cast<bool>(a), true, "expected " #a, __FILE__, __LINE__)
