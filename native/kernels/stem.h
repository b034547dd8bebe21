#pragma once

#include <cstdint>

namespace torch_tl {

inline constexpr std::int64_t kStemKernel = 7;
inline constexpr std::int64_t kStemStride = 2;
inline constexpr std::int64_t kStemChannels = 3;
/** Pixels that one tile computes: enough to hide the latency of a multiply-add. */
inline constexpr std::int64_t kStemPixels = 6;

/**
 * DenseNet's first convolution, 7x7 with stride 2 over 3 channels, and its max pool. Rows of an image are
 * [pixels][3], those of the convolution [pixels][channels], float32.
 */
struct StemKernels {
  /**
   * Computes kPanel channels of a row of the convolution: out [tiles * kStemPixels, kPanel], with pixels
   * `right` values apart. `rows` are the kStemKernel padded lines under the kernel. Pixel i is the sum over
   * y, x and c, in this order, of rows[y][(i * kStemStride + x) * kStemChannels + c] times the panel's entry
   * for y, x and c, which are the panel's depth.
   */
  void (*convolve_stem)(const float* const* rows, const float* panel, std::int64_t tiles, float* out,
                        std::int64_t right);

  /**
   * y = max(0, maximum of nine pixels + bias) per channel, NaN if one of them is. `pixels` are the three
   * pixels' offsets, in values, from the begin of each of three rows. `channels` must be a multiple of 16.
   */
  void (*max_bias_relu)(const float* const* rows, const std::int64_t* pixels, const float* bias,
                        std::int64_t channels, float* y);

  /**
   * In training, with rows, pixels and channels as for max_bias_relu: y = max(0, maximum of x * scale + shift
   * over nine pixels x). As in LibTorch's max pool, the first of equal pixels is the maximum, and NaN is
   * greater than any pixel before it.
   */
  void (*max_scale_shift_relu)(const float* const* rows, const std::int64_t* pixels, const float* scale,
                               const float* shift, std::int64_t channels, float* y);

  /**
   * For the gradient dy, 0 where y is 0: sum += dy; products += dy * (x - mean), x being the maximum's pixel.
   */
  void (*sum_max_gradient)(const float* const* rows, const std::int64_t* pixels, const float* scale,
                           const float* shift, const float* mean, const float* dy, std::int64_t channels,
                           float* sum, float* products);

  /** Likewise, adds dy to the maximum's pixel of dx, whose rows are laid out as those of x. */
  void (*add_max_gradient)(const float* const* rows, const std::int64_t* pixels, const float* scale,
                           const float* shift, const float* dy, std::int64_t channels, float* const* dx);
};

}  // namespace torch_tl
