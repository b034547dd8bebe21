#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "gpu/primitives.h"

namespace torch_tl::gpu {

/** Maps between the sections of the backbone, and what is known of them. */
struct Maps {
  at::Tensor tensor;  // [n, channels, height, width], channels last
  /**
   * Mean and biased variance of each channel over all pixels, float32 [2, channels], with gradients;
   * undefined where nothing has computed them.
   */
  at::Tensor moments;
};

inline MapShape shape_of(const at::Tensor& maps) { return {maps.size(0), maps.size(2), maps.size(3)}; }

/** Maps as rows; copied only if they are not channels last. */
inline at::Tensor rows_of(const at::Tensor& maps) {
  return maps.permute({0, 2, 3, 1}).contiguous().view({-1, maps.size(1)});
}

/** Rows without gaps as maps. */
inline at::Tensor maps_of(const at::Tensor& rows, const MapShape& shape) {
  return rows.view({shape.images, shape.height, shape.width, rows.size(1)}).permute({0, 3, 1, 2});
}

/** The shape of maps whose sides are halved. */
inline MapShape halved_down(const MapShape& shape) {
  return {shape.images, shape.height / 2, shape.width / 2};
}
inline MapShape halved_up(const MapShape& shape) {
  return {shape.images, (shape.height + 1) / 2, (shape.width + 1) / 2};
}

}  // namespace torch_tl::gpu
