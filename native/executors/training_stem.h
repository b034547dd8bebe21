#pragma once

#include <ATen/core/Tensor.h>

#include "executors/layer_tensors.h"

namespace torch_tl {

/**
 * The training executor of the stem: computes on a CPU, in float32, what conv0, norm0, ReLU, max pool and
 * autograd compute, as one node of autograd's graph. [n, 3, h, w] -> [n, out, h', w'], both sides halved
 * twice, rounding up, with gradients for the parameters that train, but none for x. Updates the running
 * statistics of a norm that trains.
 *
 * For the backward pass the stem keeps the images and conv0's maps. It does not keep what norm0 and ReLU made
 * of them, nor the places of the maxima: it looks at the pool's windows again.
 */
at::Tensor run_training(const StemTensors& stem, const at::Tensor& x);

}  // namespace torch_tl
