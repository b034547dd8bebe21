#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "executors/packed.h"
#include "executors/padded_map.h"

namespace torch_tl {

/** 3x3 convolutions, stride 1, padding 1, over some maps, with the memory that they take. For one thread. */
class Convolution {
 public:
  Convolution(const PaddedMap& map, std::int64_t in, std::int64_t out);

  /** padded [maps][map.pixels()][in] -> pixels [maps][height * width][out], `stride` values apart, with
   * kernels in tile panels. */
  void run(const float* padded, const at::Tensor& tile_panels, std::int64_t maps, float* pixels,
           std::int64_t stride);

  /** `run` of at most kTilesAtOnce tiles of the maps, and of some panels of the kernels. */
  void run(const float* padded, const at::Tensor& tile_panels, Range tiles, Range panels, float* pixels,
           std::int64_t stride);

  /**
   * Adds to the gradient of the kernels, [kTilePlaces][in][out], what these maps have in it: `padded` as for
   * `run`, and the gradient of its result, [maps][map.pixels()][out], inside zeros too.
   */
  void add_kernel_gradient(const float* padded, const float* gradient, std::int64_t maps, float* places);

 private:
  void transform(const float* padded, Range tiles);

  PaddedMap map_;
  std::int64_t in_;
  std::int64_t out_;
  at::Tensor inputs_;   // [kTilePlaces][kTilesAtOnce][in], places a little further apart
  at::Tensor outputs_;  // the same of the results
};

}  // namespace torch_tl
