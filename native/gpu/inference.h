#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "executors/layer_tensors.h"
#include "gpu/primitives.h"

namespace torch_tl::gpu {

/*
 * The inference executors for GPUs: compute in evaluation mode, without gradients, what the layers of
 * model/densenet.h compute, in fewer passes over memory. Maps are channels last, in the precision of x, which
 * is that of the products.
 *
 * - The layers of a block write into one buffer, its output, instead of concatenating.
 * - A norm and the ReLU behind it are one pass, or part of the pool's; norm2 is folded into conv1.
 * - Transitions pool before their convolution: both are linear and it is 1x1, so a quarter of the products is
 * enough.
 */

/** [n, 3, h, w] -> [n, out, h', w']: both sides are halved twice, rounding up. */
at::Tensor run_inference(const Primitives& primitives, const StemTensors& stem, const at::Tensor& x);

/** [n, in, h, w] -> [n, in + growth * layers, h, w]; there is at least one layer. */
at::Tensor run_inference(const Primitives& primitives, const std::vector<DenseLayerTensors>& layers,
                         const at::Tensor& x);

/** [n, in, h, w] -> [n, out, h / 2, w / 2] */
at::Tensor run_inference(const Primitives& primitives, const TransitionTensors& transition,
                         const at::Tensor& x);

}  // namespace torch_tl::gpu
