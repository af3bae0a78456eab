#pragma once

#include <string>

#include "third_party/doctest/doctest.h"

namespace kgn_test {

// For CHECK(Contains(message, "Received: bits=3")): prints the text that lacks the part.
inline bool Contains(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE("'", part, "' is not in '", text, "'");
  return found;
}

}  // namespace kgn_test
