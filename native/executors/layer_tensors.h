#pragma once

#include <ATen/core/Tensor.h>

namespace torch_tl {

/* The float32 tensors of the layers that an executor runs as one, by name. */

inline constexpr double kBatchNormEpsilon = 1e-5;  // PyTorch's default
inline constexpr double kBatchNormMomentum = 0.1;  // PyTorch's default

/** Parameters and running statistics of a batch norm, [channels]. */
struct NormTensors {
  at::Tensor weight;
  at::Tensor bias;
  at::Tensor running_mean;
  at::Tensor running_var;
  at::Tensor num_batches_tracked;  // int64 scalar
};

struct StemTensors {
  at::Tensor conv;  // [out, 3, 7, 7]
  NormTensors norm;
};

struct DenseLayerTensors {
  NormTensors norm1;
  at::Tensor conv1;  // [bottleneck, in, 1, 1]
  NormTensors norm2;
  at::Tensor conv2;  // [growth, bottleneck, 3, 3]
};

struct TransitionTensors {
  NormTensors norm;
  at::Tensor conv;  // [out, in, 1, 1]
};

struct DenseTensors {
  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out]
};

/** A batch norm over [n, in] and the dense layer behind it. */
struct NormDenseTensors {
  NormTensors norm;
  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out]
};

}  // namespace torch_tl
