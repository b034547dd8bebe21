#pragma once

#include <cstdlib>
#include <string_view>

namespace torch_tl {

/**
 * The value of an environment variable, empty if it is not set. For the JavaScript thread alone: a program
 * may change `process.env` there at any time, and the C library does not guard readers on other threads.
 */
inline std::string_view environment_variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): see above
  return value == nullptr ? std::string_view() : value;
}

}  // namespace torch_tl
