#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/MemoryFormat.h>

namespace torch_tl {

/*
 * Maps as rows, one contiguous row per image, with values in the maps' memory order. Maps that are cached as
 * rows come back with the strides that they had.
 */

/** Maps [n, c, h, w] in memory format `format` -> contiguous [n, h, w, c] or [n, c, h, w]. */
inline at::Tensor to_rows(const at::Tensor& maps, at::MemoryFormat format) {
  return format == at::MemoryFormat::ChannelsLast ? maps.permute({0, 2, 3, 1}) : maps;
}

/** The inverse of to_rows. */
inline at::Tensor to_maps(const at::Tensor& rows, at::MemoryFormat format) {
  return format == at::MemoryFormat::ChannelsLast ? rows.permute({0, 3, 1, 2}) : rows;
}

}  // namespace torch_tl
