#pragma once

#include "cuda/kernel_table.h"

namespace torch_tl::gpu {

/** The kernels of native/cuda with their blocks and threads run one after the other on a CPU. */
const KernelTable& host_kernels();

}  // namespace torch_tl::gpu
