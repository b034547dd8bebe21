#pragma once

#include <ATen/core/Tensor.h>

#include "executors/norm.h"

namespace torch_tl {

/*
 * A transition on a processor: what the modules of sections.h compute, but pooled before the
 * convolution instead of after it. Both are linear and the convolution is 1x1: a quarter of the products.
 * Maps are channels last.
 */

/** A transition in evaluation mode. */
struct FusedTransition {
  NormRelu norm;
  at::Tensor conv;  // [panels, in, kPanel]

  /** `conv` is [out, in, 1, 1], `precision` that of its products. */
  FusedTransition(NormRelu norm, const at::Tensor& conv, at::ScalarType precision);
};

/** [n, in, h, w] -> float32 [n, out, h / 2, w / 2], without gradients. */
at::Tensor run_fused(const FusedTransition& transition, const at::Tensor& x);

/** The same over a batch, n * h * w larger than 1, with gradients for x and the parameters; running
 * statistics move on. */
at::Tensor run_trained(const NormTensors& norm, const at::Tensor& conv, at::ScalarType precision,
                       const at::Tensor& x);

}  // namespace torch_tl
