#pragma once

#include <ATen/core/Tensor.h>

namespace torch_tl {

inline constexpr double kBatchNormEpsilon = 1e-5;  // PyTorch's
inline constexpr double kBatchNormMomentum = 0.1;  // PyTorch's

/** A batch norm's parameters and running statistics, float32 [channels]. */
struct NormTensors {
  at::Tensor weight;
  at::Tensor bias;
  at::Tensor running_mean;
  at::Tensor running_var;
  at::Tensor num_batches_tracked;  // int64, a scalar
};

}  // namespace torch_tl
