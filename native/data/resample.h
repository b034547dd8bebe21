#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "data/boxes.h"

/* Resizing to square images: bilinear, with half-pixel centres and without antialiasing. */

namespace torch_tl {

/** Floating-point [n, c, h, w] -> [n, c, side, side]; returns the tensor itself if it has that size. */
at::Tensor resize(const at::Tensor& images, std::int64_t side);

/**
 * Crops each image to its box and resizes it, in one sampling: floating-point [n, c, h, w] -> [n, c, side,
 * side]. As with crop and then resize, pixels outside a box do not affect its result.
 */
at::Tensor resize_boxes(const at::Tensor& images, const std::vector<Box>& boxes, std::int64_t side);

}  // namespace torch_tl
