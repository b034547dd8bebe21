#pragma once

#include <cstdint>

namespace torch_tl {

/** Sides in pixels of a tile's input and of its output: tiles overlap by two pixels. */
inline constexpr int kTileSide = 6;
inline constexpr int kTileStep = 4;
inline constexpr int kTilePlaces = kTileSide * kTileSide;

/**
 * The transforms evaluate polynomials at 0, at these two points, at their negatives, and at infinity
 * (Barabasz et al. 2020, https://arxiv.org/abs/1803.10986, explain why points matter). The points and their
 * powers are exact in float32. Their rounding error is four times that of a plain sum; with 1 and 2 it would
 * be eight times.
 */
inline constexpr float kNearPoint = 0.75F;
inline constexpr float kFarPoint = 1.5F;

/**
 * Winograd's F(4x4, 3x3) (Lavin and Gray 2015, https://arxiv.org/abs/1509.09308, section 4): computes a 3x3
 * convolution as 36 products over tiles of 6x6 pixels, each of which gives 4x4 pixels. This takes 36
 * multiplications per channel instead of 144. float32; channels must be a multiple of 16.
 */
struct WinogradKernels {
  /**
   * Transforms a tile's input: pixels `right` and `down` values apart, to its places, `apart` values apart.
   */
  void (*transform_tile)(const float* pixels, std::int64_t right, std::int64_t down, std::int64_t channels,
                         float* tile, std::int64_t apart);

  /**
   * Transforms a tile's places, `apart` values apart, to its 4x4 output pixels; writes `rows` x `columns` of
   * them.
   */
  void (*transform_back)(const float* tile, std::int64_t apart, std::int64_t channels, float* pixels,
                         std::int64_t right, std::int64_t down, int rows, int columns);

  /** The gradient of transform_back: 4x4 pixels of a gradient to a tile's places, `apart` values apart. */
  void (*transform_gradient)(const float* pixels, std::int64_t right, std::int64_t down,
                             std::int64_t channels, float* tile, std::int64_t apart);
};

}  // namespace torch_tl
