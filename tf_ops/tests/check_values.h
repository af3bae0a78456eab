// CHECK for two values, which are printed when they differ.
#pragma once

#include <sstream>

#include "tests/check.h"

namespace kgn_test {

template <typename A, typename B>
void CheckEqual(const A& a, const B& b, const char* what, const char* file, int line) {
  ++Checks();
  if (a == b) return;
  ++Failures();
  std::ostringstream text;
  text << file << ":" << line << ": expected " << what << ". Received: " << a << " and " << b;
  std::printf("%s\n", text.str().c_str());
}

}  // namespace kgn_test

#define CHECK_EQ(a, b) kgn_test::CheckEqual((a), (b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_TRUE(a) kgn_test::CheckEqual(static_cast<bool>(a), true, #a, __FILE__, __LINE__)
