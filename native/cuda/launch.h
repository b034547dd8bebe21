#pragma once

#include "cuda/kernel_table.h"

namespace torch_tl::gpu {

/*
 * What nvcc compiles, for the rest of the library. Each launches on a cudaStream_t, and returns null or what
 * CUDA says of a launch that failed.
 */

const char* launch_rows(RowsKernel kernel, const RowsTask& task, void* stream);
const char* launch_pack(const PackBatch& batch, void* stream);
const char* launch_prepare(const NormBatch& batch, void* stream);

}  // namespace torch_tl::gpu
