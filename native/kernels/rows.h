#pragma once

#include <cstdint>

#include "kernels/bfloat16.h"

namespace torch_tl {

/**
 * What norms and ReLUs do to a pixel: float32 [channels], a multiple of 16 of them, with as many scales,
 * shifts and sums.
 */
struct RowKernels {
  /** y = max(0, x * scale + shift) */
  void (*scale_shift_relu)(const float* x, const float* scale, const float* shift, std::int64_t channels,
                           float* y);
  void (*scale_shift_relu_bf16)(const float* x, const float* scale, const float* shift, std::int64_t channels,
                                Bfloat16* y);

  /** y = x * scale + shift */
  void (*scale_shift)(const float* x, const float* scale, const float* shift, std::int64_t channels,
                      float* y);

  /** y = max(0, x + bias) */
  void (*bias_relu)(const float* x, const float* bias, std::int64_t channels, float* y);

  /** y = mean of max(0, x * scale + shift) over four pixels, `right` and `down` values apart. */
  void (*pooled_scale_shift_relu)(const float* x, std::int64_t right, std::int64_t down, const float* scale,
                                  const float* shift, std::int64_t channels, float* y);
  void (*pooled_scale_shift_relu_bf16)(const float* x, std::int64_t right, std::int64_t down,
                                       const float* scale, const float* shift, std::int64_t channels,
                                       Bfloat16* y);

  /** sum += x - pivot; squares += (x - pivot)^2 */
  void (*add_moments)(const float* x, const float* pivot, std::int64_t channels, float* sum, float* squares);

  /** Of a ReLU behind a norm: dy = 0 where y, the ReLU's output, is; sum += dy; products += dy * (x - mean).
   */
  void (*mask_and_sum)(float* dy, const float* y, const float* x, const float* mean, std::int64_t channels,
                       float* sum, float* products);

  /** The same, but dy stays, and what is kept of it goes on: dx += dy * scale. */
  void (*add_masked)(const float* dy, const float* y, const float* x, const float* mean, const float* scale,
                     std::int64_t channels, float* sum, float* products, float* dx);

  /** dx = dy * scale - shift - (x - mean) * slope: the gradient of a norm over a batch. */
  void (*norm_gradient)(const float* dy, const float* x, const float* scale, const float* shift,
                        const float* mean, const float* slope, std::int64_t channels, float* dx);

  /**
   * For a dense layer behind a norm, a row d of dy^T times the normalised values, the row's weights w and its
   * sum of dy: the weights' gradient is d * scale + sum * shift, and the norm's grows by w * d (scale) and by
   * w * sum (shift).
   */
  void (*dense_gradient)(const float* d, const float* w, float sum, const float* scale, const float* shift,
                         std::int64_t channels, float* weight_gradient, float* scale_gradient,
                         float* shift_gradient);

  /** y = x, rounded to the nearest, to even between two. */
  void (*round_bf16)(const float* x, std::int64_t channels, Bfloat16* y);

  /** The same of two pixels, side by side: [channels][2]. */
  void (*pair_bf16)(const float* first, const float* second, std::int64_t channels, Bfloat16* pairs);
};

}  // namespace torch_tl
