#pragma once

#include <cstdint>
#include <vector>

#include "kernels/product.h"
#include "kernels/rows.h"
#include "kernels/stem.h"
#include "kernels/winograd.h"

namespace torch_tl {

/** What the executors compute with, compiled for one set of instructions. */
struct Kernels : ProductKernels, RowKernels, StemKernels, WinogradKernels {
  const char* instructions;
};

/**
 * The sets that this processor runs, the fastest first, which may be none. Like LibTorch's own kernels they
 * go no further than `ATEN_CPU_CAPABILITY` says: `default`, none; `avx2`; `avx512`.
 */
const std::vector<Kernels>& runnable_kernels();

/** The fastest of them: there must be one. */
inline const Kernels& kernels() {
  static const Kernels& fastest = runnable_kernels().front();
  return fastest;
}

}  // namespace torch_tl
