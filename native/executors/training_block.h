#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "executors/layer_tensors.h"

namespace torch_tl {

/*
 * The training executor of a dense block: computes on a CPU what the layers of model/densenet.h and autograd
 * compute, as one node of autograd's graph over one buffer. Any of its norms and convolutions may be frozen.
 *
 * - The mean and variance of a channel over the batch are computed once, though norm1 of every later layer
 *   uses them (Bilgic et al. 2018, https://arxiv.org/abs/1807.01702). Likewise the part of the gradient that
 *   goes through them is computed once, from sums over all these norms.
 * - For the backward pass the block keeps its maps and each layer's bottleneck in front of norm2. Outputs of
 *   norms and ReLUs are computed again where a product reads them.
 * - The 3x3 convolutions and both their gradients are Winograd's F(4x4, 3x3).
 */

/**
 * [n, in, h, w] -> float32 [n, in + growth * layers, h, w], channels last, with gradients for x and for the
 * parameters that train. n * h * w must be larger than 1. `precision` is that of conv1's products. Updates
 * the running statistics of the norms that train.
 */
at::Tensor run_training(const std::vector<DenseLayerTensors>& layers, at::ScalarType precision,
                        const at::Tensor& x);

}  // namespace torch_tl
