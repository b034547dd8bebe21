// Compares every kernel of every set of instructions that this processor runs with what its header says,
// computed in double precision. Prints a line for each set, and one for each kernel that is off, and then
// fails.

#include <cstdio>

#include "check.h"

int main() {
  using namespace torch_tl;
  bool failed = false;
  for (const Kernels& kernels : runnable_kernels()) {
    Check check(kernels);
    check_products(kernels, check);
    check_rows(kernels, check);
    check_stem(kernels, check);
    check_max_pool(kernels, check);
    check_winograd(kernels, check);
    std::printf("%s: %s\n", kernels.instructions,
                check.failed() ? "not as its headers say" : "as its headers say");
    failed = failed || check.failed();
  }
  return failed ? 1 : 0;
}
