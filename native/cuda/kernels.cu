// Compiled by nvcc, without LibTorch's headers, which would take it minutes for each architecture.

#include "cuda/kernels.cuh"
#include "cuda/launch.h"

namespace torch_tl::gpu {
namespace {

/** Blocks for a weight; the largest has 9 * 128 * 32 values, or 1024 * 128. */
constexpr unsigned kPackBlocks = 32;

struct InverseRoot {
  __device__ float operator()(float x) const { return rsqrtf(x); }
};

__global__ void __launch_bounds__(kThreads) prepare_norms(const __grid_constant__ NormBatch batch) {
  const NormEntry& entry = batch.entries[blockIdx.x];
  for (std::int64_t channel = threadIdx.x; channel < entry.channels; channel += blockDim.x) {
    prepare_channel(entry, channel, batch.epsilon, batch.momentum, InverseRoot());
  }
}

template <template <typename, int> class Body>
void pass(const RowsTask& task, cudaStream_t stream) {
  const bool wide = fits_wide_loads(task);
  if (task.precision == Precision::kBfloat16) {
    wide ? launch_pass<Body, Bf16, 8>(task, stream) : launch_pass<Body, Bf16, 1>(task, stream);
  } else {
    wide ? launch_pass<Body, float, 4>(task, stream) : launch_pass<Body, float, 1>(task, stream);
  }
}

template <template <typename, int> class Body>
void sum(const RowsTask& task, cudaStream_t stream) {
  const bool wide = fits_wide_loads(task);
  if (task.precision == Precision::kBfloat16) {
    wide ? launch_sum<Body, Bf16, 8>(task, stream) : launch_sum<Body, Bf16, 1>(task, stream);
  } else {
    wide ? launch_sum<Body, float, 4>(task, stream) : launch_sum<Body, float, 1>(task, stream);
  }
}

void launch(RowsKernel kernel, const RowsTask& task, cudaStream_t stream) {
  switch (kernel) {
    case RowsKernel::kPlace:
      task.moments.values == nullptr ? pass<Copy>(task, stream) : sum<CopyAndMoments>(task, stream);
      break;
    case RowsKernel::kScaleShiftRelu:
      return pass<ScaleShiftRelu>(task, stream);
    case RowsKernel::kAverage:
      return pass<Average>(task, stream);
    case RowsKernel::kMaximum:
      return pass<MaximumBody>(task, stream);
    case RowsKernel::kSumGradient:
      return sum<SumGradient>(task, stream);
    case RowsKernel::kDifferentiate:
      return pass<Differentiate>(task, stream);
    case RowsKernel::kAccumulate:
      return sum<Accumulate>(task, stream);
    case RowsKernel::kAverageGradient:
      return sum<AverageGradient>(task, stream);
    case RowsKernel::kSumMaximumGradient:
      return sum<SumMaximumGradient>(task, stream);
    case RowsKernel::kDifferentiateMaximum:
      return pass<DifferentiateMaximum>(task, stream);
    case RowsKernel::kAddThroughMoments:
      return pass<AddThroughMoments>(task, stream);
  }
}

}  // namespace

const char* launch_rows(RowsKernel kernel, const RowsTask& task, void* stream) {
  launch(kernel, task, static_cast<cudaStream_t>(stream));
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

const char* launch_pack(const PackBatch& batch, void* stream) {
  const dim3 grid(kPackBlocks, static_cast<unsigned>(batch.count));
  const auto on = static_cast<cudaStream_t>(stream);
  if (batch.precision == Precision::kBfloat16) {
    pack_weights<Bf16><<<grid, kThreads, 0, on>>>(batch);
  } else {
    pack_weights<float><<<grid, kThreads, 0, on>>>(batch);
  }
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

const char* launch_prepare(const NormBatch& batch, void* stream) {
  prepare_norms<<<static_cast<unsigned>(batch.count), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      batch);
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

}  // namespace torch_tl::gpu
