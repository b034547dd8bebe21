#pragma once

#include <ATen/core/Tensor.h>

#include "executors/norm.h"

namespace torch_tl {

/**
 * A batch norm and the dense layer behind it in training on a processor, float32, on values that need no
 * gradient, such as cached features: x [n, in] -> [n, out], n larger than 1, with gradients for the
 * parameters. `weight` is [out, in], `bias` [out]. Running statistics move on.
 *
 * The gradient of the norm's result is never made, for which autograd takes a third of the products: with x'
 * the normalised x and D = dy^T x' [out, in] the gradients are, a column c at a time,
 *
 *   weight_c = D_c * scale_c + (sum of dy) * shift_c,   scale_c = weight_c . D_c,   shift_c = weight_c . (sum
 * of dy).
 */
at::Tensor run_trained(const NormTensors& norm, const at::Tensor& weight, const at::Tensor& bias,
                       const at::Tensor& x);

/** Whether the kernels have a dense layer of this weight's sizes. */
bool has_kernels_for(const at::Tensor& weight);

}  // namespace torch_tl
