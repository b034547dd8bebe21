#pragma once

#include <ATen/core/Tensor.h>

#include "executors/layer_tensors.h"
#include "executors/norm.h"

namespace torch_tl {

/*
 * The executors of a transition: compute on a CPU what the layers of model/densenet.h compute, but pool
 * before the convolution instead of after it. Both are linear and the convolution is 1x1, so that a quarter
 * of the products is enough. Maps are channels last.
 */

/** A transition's weights for inference, packed for the kernels. */
struct InferenceTransition {
  NormRelu norm;
  at::Tensor conv;  // [panels, in, kPanel], float32 or bfloat16
};

/** `precision` is that of the convolution's products. */
InferenceTransition prepare_inference(const TransitionTensors& transition, at::ScalarType precision);

/** Evaluation mode, without gradients: [n, in, h, w] -> float32 [n, out, h / 2, w / 2]. */
at::Tensor run_inference(const InferenceTransition& transition, const at::Tensor& x);

/**
 * In training: the same shapes, with gradients for x and for the parameters that train, as one node of
 * autograd's graph. n * h * w must be larger than 1. Updates the running statistics of a norm that trains.
 */
at::Tensor run_training(const TransitionTensors& transition, at::ScalarType precision, const at::Tensor& x);

}  // namespace torch_tl
