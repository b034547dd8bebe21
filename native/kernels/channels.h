#pragma once

#include <cstdint>

#include "kernels/bfloat16.h"

namespace torch_tl {

/**
 * Elementwise loops over the channels of one pixel, for norms, ReLUs and their gradients. All arrays are
 * float32 [channels] unless noted; channels must be a multiple of 16.
 */
struct ChannelKernels {
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

  /**
   * For a ReLU behind a norm of x: dy = 0 where y, the ReLU's output, is 0; sum += dy; products += dy * (x -
   * mean).
   */
  void (*mask_and_sum)(float* dy, const float* y, const float* x, const float* mean, std::int64_t channels,
                       float* sum, float* products);

  /** Likewise, but dy stays unchanged, and the masked dy is added: dx += dy * scale. */
  void (*add_masked)(const float* dy, const float* y, const float* x, const float* mean, const float* scale,
                     std::int64_t channels, float* sum, float* products, float* dx);

  /** dx = dy * scale - shift - (x - mean) * slope: the gradient of a norm over a batch. */
  void (*norm_gradient)(const float* dy, const float* x, const float* scale, const float* shift,
                        const float* mean, const float* slope, std::int64_t channels, float* dx);

  /**
   * For one output of a dense layer behind a norm: d is its row of dy^T times the normalised values, w its
   * weights, and sum its sum of dy. weight_gradient = d * scale + sum * shift; scale_gradient += w * d;
   * shift_gradient += w * sum.
   */
  void (*dense_gradient)(const float* d, const float* w, float sum, const float* scale, const float* shift,
                         std::int64_t channels, float* weight_gradient, float* scale_gradient,
                         float* shift_gradient);

  /** y = x, rounded to the nearest bfloat16, ties to even. */
  void (*round_bf16)(const float* x, std::int64_t channels, Bfloat16* y);

  /** Likewise for two pixels, interleaved: pairs [channels][2]. */
  void (*pair_bf16)(const float* first, const float* second, std::int64_t channels, Bfloat16* pairs);
};

}  // namespace torch_tl
