#pragma once

#include <ATen/core/Tensor.h>

#include "executors/layer_tensors.h"

namespace torch_tl {

/*
 * The inference executor of the stem: computes conv0, norm0, ReLU and max pool on a CPU, in evaluation mode
 * and without gradients, in one pass. norm0 is folded into conv0. A line is pooled as soon as the three lines
 * of the convolution that it needs are there, so that these never leave the cache.
 *
 * An image's values depend neither on the other images of its batch nor on the number of threads.
 */

/** The stem's weights, with norm0 folded and packed for the kernels. */
struct InferenceStem {
  at::Tensor conv;  // [panels, 7 * 7 * 3, kPanel], with norm0's scale
  at::Tensor bias;  // [out], norm0's shift
};

InferenceStem prepare_inference(const StemTensors& stem);

/** [n, 3, h, w] -> float32 [n, out, h', w']: both sides are halved twice, rounding up. */
at::Tensor run_inference(const InferenceStem& stem, const at::Tensor& x);

}  // namespace torch_tl
