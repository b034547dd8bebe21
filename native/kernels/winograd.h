#pragma once

#include <cstdint>

namespace torch_tl {

inline constexpr int kTilePlaces = 16;

/**
 * Winograd's F(2x2, 3x3) (Lavin and Gray 2015, https://arxiv.org/abs/1509.09308, section 4.1): a 3x3
 * convolution as 16 products over tiles of 4x4 pixels, which overlap by two and give 2x2 pixels each, for 16
 * multiplications where 36 would be. float32; channels are a multiple of 16.
 */
struct WinogradKernels {
  /** A tile of pixels: `right` and `down` values apart, so many channels; to `tiles` places, `apart` values
   * apart. */
  void (*transform_tile)(const float* pixels, std::int64_t right, std::int64_t down, std::int64_t channels,
                         float* tile, std::int64_t apart);

  /** The 2x2 pixels of a tile's 16 places, `apart` values apart; only `rows` x `columns` of them are written.
   */
  void (*transform_back)(const float* tile, std::int64_t apart, std::int64_t channels, float* pixels,
                         std::int64_t right, std::int64_t down, int rows, int columns);

  /** The gradient of transform_back: 2x2 pixels of a gradient to a tile's 16 places. */
  void (*transform_gradient)(const float* pixels, std::int64_t right, std::int64_t down,
                             std::int64_t channels, float* tile, std::int64_t apart);
};

}  // namespace torch_tl
