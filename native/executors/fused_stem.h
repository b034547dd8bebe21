#pragma once

#include <ATen/core/Tensor.h>

#include "executors/norm.h"

namespace torch_tl {

/**
 * conv0, norm0, ReLU and max pool in evaluation mode on a processor, without gradients, in one pass:
 * norm0 is folded into conv0, and a row is pooled as soon as the three rows of the convolution that it needs
 * are there, so that they never leave the cache.
 *
 * Each image's values do not depend on those beside it, nor on the number of threads.
 */
struct FusedStem {
  at::Tensor conv;  // [panels, 7 * 7 * 3, kPanel], with norm0's scale
  at::Tensor bias;  // [out], norm0's shift

  /** `conv` is [out, 3, 7, 7]. */
  FusedStem(const at::Tensor& conv, const ScaleAndShift& norm);
};

/** [n, 3, h, w] -> float32 [n, out, h', w'], both halved twice, rounding up. */
at::Tensor run_fused(const FusedStem& stem, const at::Tensor& x);

}  // namespace torch_tl
