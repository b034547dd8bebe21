#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "gpu/primitives.h"

namespace torch_tl::gpu {

/*
 * Weights and norms made ready for one pass. They are made again in every pass, which costs one small kernel,
 * and not kept from one pass to the next: a captured graph would go on reading what was there when it was
 * captured.
 */

/** A weight, and what multiplies the values of each of its output channels, if anything does. */
struct ScaledWeight {
  at::Tensor weight;
  at::Tensor scale;
};

/** The weights in this precision, by one kernel for all; those that need no change are not copied. */
std::vector<at::Tensor> pack(const Primitives& primitives, const std::vector<ScaledWeight>& weights,
                             at::ScalarType precision);

/** The norms in evaluation mode, by one kernel for all: [kNormRows, channels] each. */
std::vector<at::Tensor> evaluated(const Primitives& primitives, const std::vector<NormTensors>& norms);

/** Whether the norm trains: normalises by the batch's statistics, and gets gradients. */
inline bool trains(const NormTensors& norm) { return norm.weight.requires_grad(); }

/**
 * The norm in training: one that trains takes the batch's moments, over `rows` values a channel, and moves
 * its running statistics towards them; a frozen one takes its running statistics.
 */
at::Tensor in_training(const Primitives& primitives, const NormTensors& norm, const at::Tensor& moments,
                       std::int64_t rows);

}  // namespace torch_tl::gpu
