// Compares every kernel, for every instruction set that this processor runs, with what its header says,
// computed in double precision. Prints a line for each instruction set and for each wrong result; exits 1 if
// there are any.

#include <iostream>

#include "check.h"

int main() {
  using namespace torch_tl;
  bool failed = false;
  for (const Kernels& kernels : runnable_kernels()) {
    Check check(kernels);
    check_products(kernels, check);
    check_channels(kernels, check);
    check_stem(kernels, check);
    check_max_pool(kernels, check);
    check_winograd(kernels, check);
    const char* result = check.failed() ? "not as its headers say" : "as its headers say";
    std::cout << kernels.instructions << ": " << result << '\n';
    failed = failed || check.failed();
  }
  return failed ? 1 : 0;
}
