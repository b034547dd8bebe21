#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "executors/norm.h"

namespace torch_tl {

/*
 * A dense block in training on a processor: what the modules of sections.h and autograd compute, as one node
 * of the graph over one buffer. Any of its norms and kernels may be frozen.
 *
 * - A channel's mean and variance over the batch are computed once, though every later layer's norm1 uses
 * them (Bilgic et al. 2018, https://arxiv.org/abs/1807.01702), and so is their part of the gradient: what a
 * channel's norms send back is added up first.
 * - For the backward pass the block keeps its maps and each layer's bottleneck in front of norm2; what norms
 * and ReLUs made of them is computed again where a product reads it.
 * - The 3x3 convolutions and both their gradients are Winograd's F(4x4, 3x3).
 */

/** A dense layer's parameters and running statistics. */
struct TrainedLayer {
  NormTensors norm1;
  at::Tensor conv1;  // [bottleneck, in, 1, 1]
  NormTensors norm2;
  at::Tensor conv2;  // [growth, bottleneck, 3, 3]
};

/**
 * [n, in, h, w] -> float32 [n, in + growth * layers, h, w], channels last, with gradients for x and the
 * parameters that train; n * h * w is larger than 1. `precision` is that of conv1's products. The norms that
 * train move their running statistics on.
 */
at::Tensor run_trained(const std::vector<TrainedLayer>& layers, at::ScalarType precision,
                       const at::Tensor& x);

}  // namespace torch_tl
