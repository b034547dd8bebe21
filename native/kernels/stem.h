#pragma once

#include <cstdint>

namespace torch_tl {

inline constexpr std::int64_t kStemKernel = 7;
inline constexpr std::int64_t kStemStride = 2;
inline constexpr std::int64_t kStemChannels = 3;
/** Pixels that one tile computes: as many as hide the latency of a multiply-add. */
inline constexpr std::int64_t kStemPixels = 6;

/**
 * DenseNet's first convolution, 7x7 with stride 2 over 3 channels, and its max pool. An image's rows are
 * [pixels][3], the convolution's [pixels][channels], float32.
 */
struct StemKernels {
  /**
   * kPanel channels of a row of the convolution: out [tiles * kStemPixels, kPanel], its pixels `right` values
   * apart. Pixel i is the sum, in this order, of rows[y][(i * kStemStride + x) * kStemChannels + c] times the
   * panel's place y, x, c over the kernel's places and channels; `rows` are the kStemKernel lines under the
   * kernel, with the border. The panel's depth is these places.
   */
  void (*convolve_stem)(const float* const* rows, const float* panel, std::int64_t tiles, float* out,
                        std::int64_t right);

  /** y = max(0, the greatest of nine pixels + bias), NaN where one of them is, over so many channels, a
   * multiple of 16; the pixels of each row are so many values from its begin. */
  void (*max_bias_relu)(const float* const* rows, const std::int64_t* pixels, const float* bias,
                        std::int64_t channels, float* y);

  /**
   * In training, with rows, pixels and channels as for max_bias_relu: y = max(0, the greatest of nine pixels
   * x * scale + shift). Of equal pixels the first is the greatest, and one that is NaN is greater than those
   * before it, as in LibTorch's max pool.
   */
  void (*max_scale_shift_relu)(const float* const* rows, const std::int64_t* pixels, const float* scale,
                               const float* shift, std::int64_t channels, float* y);

  /** Of its gradient dy, 0 where y is: sum += dy; products += dy * (x - mean) of the greatest pixel. */
  void (*sum_max_gradient)(const float* const* rows, const std::int64_t* pixels, const float* scale,
                           const float* shift, const float* mean, const float* dy, std::int64_t channels,
                           float* sum, float* products);

  /** The same, to the greatest pixel of dx, whose rows are as those of x: dx += dy. */
  void (*add_max_gradient)(const float* const* rows, const std::int64_t* pixels, const float* scale,
                           const float* shift, const float* dy, std::int64_t channels, float* const* dx);
};

}  // namespace torch_tl
