// Runs what crosses threads without Node.js, so that ThreadSanitizer sees it (`npm run test:tsan`), which
// knows neither V8 nor libuv. Prints a line for each part; exits 1 if one is wrong.

#include <iostream>

#include "memory/caching_allocator.h"
#include "threads.h"

int main() {
  using namespace torch_tl;
  install_caching_allocator();
  bool failed = false;
  const auto report = [&failed](const char* part, const char* fault) {
    std::cout << part << ": " << (fault == nullptr ? "right" : fault) << std::endl;
    failed = failed || fault != nullptr;
  };
  report("engine thread", fault_of_engine_thread());
  report("allocator", fault_of_allocator());
  report("executors", fault_of_executors());
  return failed ? 1 : 0;
}
