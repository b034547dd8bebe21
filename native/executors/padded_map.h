#pragma once

#include <ATen/Parallel.h>

#include <cstdint>

#include "executors/parts.h"
#include "kernels/winograd.h"

namespace torch_tl {

/** Maps of `height` x `width` pixels, one after another, each inside zeros, so that whole tiles cover it. */
struct PaddedMap {
  std::int64_t height;
  std::int64_t width;

  std::int64_t tile_rows() const { return at::divup(height, kTileStep); }
  std::int64_t tile_columns() const { return at::divup(width, kTileStep); }
  std::int64_t tiles() const { return tile_rows() * tile_columns(); }
  std::int64_t padded_width() const { return kTileStep * tile_columns() + 2; }
  std::int64_t pixels() const { return (kTileStep * tile_rows() + 2) * padded_width(); }
  /** Where a pixel of all maps' lies among their padded ones. */
  std::int64_t place(std::int64_t pixel) const {
    const std::int64_t inside = pixel % (height * width);
    return pixel / (height * width) * pixels() + (inside / width + 1) * padded_width() + inside % width + 1;
  }
};

/** A tile of some padded maps. */
struct MapTile {
  std::int64_t map;
  std::int64_t row;  // of the first pixel that it gives
  std::int64_t column;

  MapTile(const PaddedMap& maps, std::int64_t tile)
      : map(tile / maps.tiles()),
        row(kTileStep * (tile % maps.tiles() / maps.tile_columns())),
        column(kTileStep * (tile % maps.tile_columns())) {}
  /** The first of the pixels that it sees, among the padded ones; it stands a line and a column before the
   * first that it gives. */
  std::int64_t corner(const PaddedMap& maps) const {
    return map * maps.pixels() + row * maps.padded_width() + column;
  }
};

/** Tiles that go through the products at a time: a multiple of a tile's rows. */
inline constexpr std::int64_t kTilesAtOnce = 12;

/** So many maps in groups that go through a convolution together: of so many that most products are of as
 * many tiles as there may be. */
inline EvenParts map_groups(const PaddedMap& map, std::int64_t maps) {
  return {maps, at::divup(3 * kTilesAtOnce, map.tiles())};
}

}  // namespace torch_tl
