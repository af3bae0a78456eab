#pragma once

#include <string>
#include <utility>

namespace kgn {

// Success, or a message that says what was expected and what was received. Core code throws
// nothing.
class Status {
 public:
  Status() = default;
  static Status Ok() { return Status(); }
  // printf-style.
  static Status Error(const char* format, ...) __attribute__((format(printf, 1, 2)));

  bool ok() const { return message_.empty(); }
  const std::string& message() const { return message_; }

 private:
  std::string message_;
};

}  // namespace kgn

// Returns from the calling function when `expression` is an error.
#define KGN_RETURN_IF_ERROR(expression)      \
  do {                                       \
    ::kgn::Status kgn_status = (expression); \
    if (!kgn_status.ok()) return kgn_status; \
  } while (false)
