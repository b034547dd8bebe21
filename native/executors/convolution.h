#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "executors/packed.h"

namespace torch_tl {

/** A map of `height` x `width` pixels inside zeros, so that whole tiles of 4x4 pixels cover it. */
struct PaddedMap {
  std::int64_t height;
  std::int64_t width;

  std::int64_t tile_rows() const { return (height + 1) / 2; }
  std::int64_t tile_columns() const { return (width + 1) / 2; }
  std::int64_t tiles() const { return tile_rows() * tile_columns(); }
  std::int64_t padded_width() const { return 2 * tile_columns() + 2; }
  std::int64_t pixels() const { return (2 * tile_rows() + 2) * padded_width(); }
  /** Where the map's pixel lies among them. */
  std::int64_t place(std::int64_t pixel) const {
    return (pixel / width + 1) * padded_width() + pixel % width + 1;
  }
  /** The first of a tile's 4x4 pixels. */
  std::int64_t corner(std::int64_t tile) const {
    return 2 * (tile / tile_columns()) * padded_width() + 2 * (tile % tile_columns());
  }
};

/** 3x3 convolutions, stride 1, padding 1, over one map at a time, with the memory that they take. For one
 * thread. */
class Convolution {
 public:
  Convolution(const PaddedMap& map, std::int64_t in, std::int64_t out);

  /** padded [map.pixels()][in] -> pixels [height * width][out], `stride` values apart, with kernels in tile
   * panels. */
  void run(const float* padded, const at::Tensor& tile_panels, float* pixels, std::int64_t stride);

  /** Tiles that go through the products at a time: a multiple of a tile's rows. */
  static constexpr std::int64_t kTiles = 12;
  /** `run` of at most kTiles tiles of the map, and of some panels of the kernels. */
  void run(const float* padded, const at::Tensor& tile_panels, Range tiles, Range panels, float* pixels,
           std::int64_t stride);

  /**
   * Adds to the gradient of the kernels, [kTilePlaces][in][out], what this map has in it: `padded` as for
   * `run`, and the gradient of its result, [map.pixels()][out], inside zeros too.
   */
  void add_kernel_gradient(const float* padded, const float* gradient, float* places);

 private:
  PaddedMap map_;
  std::int64_t in_;
  std::int64_t out_;
  at::Tensor inputs_;   // [kTilePlaces][kTiles][in]
  at::Tensor outputs_;  // [kTilePlaces][kTiles][out]
};

}  // namespace torch_tl
