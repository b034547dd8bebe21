#pragma once

#include <cstdint>

namespace torch_tl {

/** Sides in pixels of a tile, and of what it gives: tiles overlap by two pixels. */
inline constexpr int kTileSide = 6;
inline constexpr int kTileStep = 4;
inline constexpr int kTilePlaces = kTileSide * kTileSide;

/**
 * The transforms take polynomials at 0, these two, their negatives, and infinity (why points matter: Barabasz
 * et al. 2020, https://arxiv.org/abs/1803.10986). They and their powers are float32 exactly, and they round
 * four times as much as a plain sum, where 1 and 2 would eight times.
 */
inline constexpr float kNearPoint = 0.75F;
inline constexpr float kFarPoint = 1.5F;

/**
 * Winograd's F(4x4, 3x3) (Lavin and Gray 2015, https://arxiv.org/abs/1509.09308, section 4): a 3x3
 * convolution as 36 products over tiles of 6x6 pixels, which give 4x4 pixels each, for 36 multiplications
 * where 144 would be. float32; channels are a multiple of 16.
 */
struct WinogradKernels {
  /** A tile of pixels, `right` and `down` values apart, so many channels, to its places, `apart` values
   * apart. */
  void (*transform_tile)(const float* pixels, std::int64_t right, std::int64_t down, std::int64_t channels,
                         float* tile, std::int64_t apart);

  /** The 4x4 pixels of a tile's places, `apart` values apart; only `rows` x `columns` of them are written. */
  void (*transform_back)(const float* tile, std::int64_t apart, std::int64_t channels, float* pixels,
                         std::int64_t right, std::int64_t down, int rows, int columns);

  /** The gradient of transform_back: 4x4 pixels of a gradient to a tile's places. */
  void (*transform_gradient)(const float* pixels, std::int64_t right, std::int64_t down,
                             std::int64_t channels, float* tile, std::int64_t apart);
};

}  // namespace torch_tl
