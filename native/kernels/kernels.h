#pragma once

#include <cstdint>
#include <vector>

#include "kernels/channels.h"
#include "kernels/product.h"
#include "kernels/stem.h"
#include "kernels/winograd.h"

namespace torch_tl {

/** The inner loops of the executors, compiled for one instruction set. */
struct Kernels : ProductKernels, ChannelKernels, StemKernels, WinogradKernels {
  const char* instructions;
};

/**
 * The kernels of the instruction sets that this processor runs, the fastest first; may be empty. Like
 * LibTorch's own kernels they are limited by `ATEN_CPU_CAPABILITY`: `default` allows none, then `avx2`,
 * `avx512`.
 */
const std::vector<Kernels>& runnable_kernels();

/** The fastest kernels; there must be some. */
inline const Kernels& kernels() {
  static const Kernels& fastest = runnable_kernels().front();
  return fastest;
}

}  // namespace torch_tl
