#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "executors/layer_tensors.h"
#include "gpu/maps.h"
#include "gpu/primitives.h"

namespace torch_tl::gpu {

/*
 * The training executors for GPUs: compute what the layers of model/densenet.h and autograd compute, each as
 * one node of autograd's graph. Any of their norms and convolutions may be frozen. Maps are in the precision
 * of x, which is that of the products. n * h * w must be larger than 1. They update the running statistics of
 * the norms that train. The primitives must outlive the graph.
 *
 * - The mean and variance of a channel over the batch, its moments, are computed once, as it is written,
 * though norm1 of every later layer and the transition's norm use them (Bilgic et al. 2018,
 * https://arxiv.org/abs/1807.01702). They are values with a gradient of their own, to which all these norms
 * add, so that what goes back through them is applied once, as a channel's gradient is complete.
 * - For the backward pass a block keeps its buffer and each layer's bottleneck in front of norm2. Outputs of
 * norms and ReLUs are computed again.
 */

/**
 * [n, 3, h, w] -> [n, out, h', w'], both sides halved twice, rounding up, with gradients for the parameters
 * that train, but none for x.
 */
at::Tensor run_training(const Primitives& primitives, const StemTensors& stem, const at::Tensor& x);

/** [n, in, h, w] -> [n, in + growth * layers, h, w] and their moments, with gradients for x and the
 * parameters. */
Maps run_training(const Primitives& primitives, const std::vector<DenseLayerTensors>& layers,
                  const at::Tensor& x);

/** [n, in, h, w] -> [n, out, h / 2, w / 2], with gradients for x, its moments and the parameters. */
at::Tensor run_training(const Primitives& primitives, const TransitionTensors& transition, const Maps& x);

}  // namespace torch_tl::gpu
