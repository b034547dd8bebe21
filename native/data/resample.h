#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "data/boxes.h"

/*
 * Square images of another size, all of them bilinear with half-pixel centres and without antialiasing.
 */

namespace torch_tl {

/** Floating [n, c, h, w] -> [n, c, side, side]; the same tensor where it has that size. */
at::Tensor resize(const at::Tensor& images, std::int64_t side);

/**
 * Cuts each image's box out and resizes it, in one sampling: floating [n, c, h, w] -> [n, c, side, side].
 * As with crop and resize, nothing outside a box reaches its image.
 */
at::Tensor resize_boxes(const at::Tensor& images, const std::vector<Box>& boxes, std::int64_t side);

}  // namespace torch_tl
