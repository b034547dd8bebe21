#pragma once

#include <ATen/core/ScalarType.h>

#include "data/augmentation.h"
#include "model/network.h"

namespace torch_tl {

/**
 * Images as a training with augmentation has them: uint8 [n, h, w, 3] and int64 [n] labels -> the network's
 * input [n, 3, side, side] in `precision`, and labels, or float32 [n, classes] where images were mixed.
 */
Batch augmented_batch(const Network& network, Augmentation& augmentation, const at::Tensor& pixels,
                      const at::Tensor& labels, at::ScalarType precision);

}  // namespace torch_tl
