#pragma once

#include <ATen/core/Tensor.h>

#include "executors/layer_tensors.h"

namespace torch_tl {

/**
 * The training executor of a batch norm and the dense layer behind it: computes on a CPU, in float32, as one
 * node of autograd's graph, x [n, in] -> [n, out] with gradients for the parameters, but none for x, which
 * may be cached features. n must be larger than 1. Updates the running statistics of a norm that trains.
 *
 * It never makes the gradient of the norm's output, for which autograd needs a third of the products: with x'
 * the normalised x, D = dy^T x' [out, in] and s [out] the sum of dy over the rows, the gradients are, a
 * column c at a time,
 *
 *   weight_c = D_c * scale_c + s * shift_c,   scale_c = weight_c . D_c,   shift_c = weight_c . s.
 */
at::Tensor run_training(const NormDenseTensors& layers, const at::Tensor& x);

/** Whether the kernels can compute a dense layer whose weight has these sizes. */
bool has_kernels_for(const at::Tensor& weight);

}  // namespace torch_tl
