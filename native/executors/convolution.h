#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "executors/packed.h"
#include "executors/padded_map.h"

namespace torch_tl {

/** A 3x3 convolution with stride 1 and padding 1 by Winograd, with its scratch memory. For one thread. */
class Convolution {
 public:
  Convolution(const PaddedMap& map, std::int64_t in, std::int64_t out);

  /**
   * Convolves padded maps [maps][map.pixels()][in] into pixels [maps][height * width][out], `stride` values
   * apart, with kernels in tile panels.
   */
  void run(const float* padded, const at::Tensor& tile_panels, std::int64_t maps, float* pixels,
           std::int64_t stride);

  /** Computes at most kTilesAtOnce tiles of the maps, and the channels of some panels. */
  void run(const float* padded, const at::Tensor& tile_panels, Range tiles, Range panels, float* pixels,
           std::int64_t stride);

  /**
   * Adds these maps' share of the gradient of the kernels to `places` [kTilePlaces][in][out]. `padded` is as
   * for `run`; `gradient` is that of the convolution's output, padded too: [maps][map.pixels()][out].
   */
  void add_kernel_gradient(const float* padded, const float* gradient, std::int64_t maps, float* places);

 private:
  void transform(const float* padded, Range tiles);

  PaddedMap map_;
  std::int64_t in_;
  std::int64_t out_;
  at::Tensor inputs_;   // [kTilePlaces][kTilesAtOnce][in] and spare values after each place
  at::Tensor outputs_;  // likewise [kTilePlaces][kTilesAtOnce][out]
};

}  // namespace torch_tl
