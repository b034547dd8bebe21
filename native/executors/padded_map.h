#pragma once

#include <ATen/Parallel.h>

#include <cstdint>

#include "executors/work_ranges.h"
#include "kernels/winograd.h"

namespace torch_tl {

/**
 * The layout of maps of `height` x `width` pixels, one after another, each with a border of zeros so wide
 * that whole Winograd tiles cover it.
 */
struct PaddedMap {
  std::int64_t height;
  std::int64_t width;

  std::int64_t tile_rows() const { return at::divup(height, kTileStep); }
  std::int64_t tile_columns() const { return at::divup(width, kTileStep); }
  /** Tiles per map. */
  std::int64_t tiles() const { return tile_rows() * tile_columns(); }
  std::int64_t padded_width() const { return kTileStep * tile_columns() + 2; }
  /** Pixels per map, border included. */
  std::int64_t pixels() const { return (kTileStep * tile_rows() + 2) * padded_width(); }
  /** Index among the padded pixels of all maps of pixel `pixel` of all maps. */
  std::int64_t place(std::int64_t pixel) const {
    const std::int64_t inside = pixel % (height * width);
    return pixel / (height * width) * pixels() + (inside / width + 1) * padded_width() + inside % width + 1;
  }
};

/** Where a tile lies among padded maps. */
struct MapTile {
  std::int64_t map;
  std::int64_t row;  // of its first output pixel, in the map without its border
  std::int64_t column;

  MapTile(const PaddedMap& maps, std::int64_t tile)
      : map(tile / maps.tiles()),
        row(kTileStep * (tile % maps.tiles() / maps.tile_columns())),
        column(kTileStep * (tile % maps.tile_columns())) {}
  /**
   * Index of its first input pixel among the padded pixels. In the map it lies one line above and one column
   * before the first output pixel.
   */
  std::int64_t corner(const PaddedMap& maps) const {
    return map * maps.pixels() + row * maps.padded_width() + column;
  }
};

/** Tiles that go through the products at a time: a multiple of the rows of a product's tile. */
inline constexpr std::int64_t kTilesAtOnce = 12;

/** Groups of maps that go through a convolution together, large enough that most products have all rows. */
inline EvenRanges map_groups(const PaddedMap& map, std::int64_t maps) {
  return {maps, at::divup(3 * kTilesAtOnce, map.tiles())};
}

}  // namespace torch_tl
