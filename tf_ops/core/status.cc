#include "core/status.h"

#include <cstdarg>
#include <cstdio>

namespace kgn {

Status Status::Error(const char* format, ...) {
  char buffer[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(buffer, sizeof(buffer), format, arguments);
  va_end(arguments);
  Status status;
  status.message_ = buffer[0] != '\0' ? buffer : "unknown error";
  return status;
}

}  // namespace kgn
