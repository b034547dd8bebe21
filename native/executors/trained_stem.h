#pragma once

#include <ATen/core/Tensor.h>

#include "executors/norm.h"

namespace torch_tl {

/**
 * conv0, norm0, ReLU and max pool in training on a processor, float32, on images that need no gradient:
 * what the modules of sections.h and autograd compute, as one node of the graph.
 *
 * For the backward pass the stem keeps the images and conv0's maps. What norm0 and ReLU make of them is
 * never kept, nor which pixels were the greatest: the pool's windows are looked at again.
 */
struct TrainedStem {
  at::Tensor conv;  // [out, 3, 7, 7]
  NormTensors norm;
};

/** [n, 3, h, w] -> [n, out, h', w'], both halved twice, rounding up, with gradients for the parameters.
 * Running statistics move on. */
at::Tensor run_trained(const TrainedStem& stem, const at::Tensor& x);

}  // namespace torch_tl
