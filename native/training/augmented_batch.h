#pragma once

#include <ATen/core/ScalarType.h>

#include "data/augmentation.h"
#include "model/network.h"

namespace torch_tl {

/**
 * Augments and preprocesses a training batch: uint8 [n, h, w, 3] and labels int64 [n] -> the network's input
 * [n, 3, side, side] in `precision`, and labels, or targets float32 [n, classes] if images were mixed.
 */
Batch augmented_batch(const Network& network, Augmentation& augmentation, const at::Tensor& pixels,
                      const at::Tensor& labels, at::ScalarType precision);

}  // namespace torch_tl
