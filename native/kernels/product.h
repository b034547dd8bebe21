#pragma once

#include <cstdint>

#include "kernels/bfloat16.h"

namespace torch_tl {

/** Columns of a panel, the part of a matrix that a product reads as one. */
inline constexpr std::int64_t kPanel = 32;

/** Products of matrices, summed in float32. A stride is the distance in values between rows. */
struct ProductKernels {
  /** Columns that a tile computes at a time. A panel is packed as [kPanel / columns][depth][columns]. */
  std::int64_t columns;

  /**
   * c [rows, kPanel] = a [rows, depth] * panel [depth, kPanel], float32. Each value is summed in the order of
   * the depth, independent of the number of rows.
   */
  void (*multiply_panel)(const float* a, std::int64_t a_stride, const float* panel, std::int64_t rows,
                         std::int64_t depth, float* c, std::int64_t c_stride);

  /**
   * Likewise for bfloat16. The depth must be even, and the panel is packed as
   * [kPanel / columns][depth / 2][columns][2].
   */
  void (*multiply_panel_bf16)(const Bfloat16* a, std::int64_t a_stride, const Bfloat16* panel,
                              std::int64_t rows, std::int64_t depth, float* c, std::int64_t c_stride);

  /**
   * c [a_columns, kPanel] += transposed a [depth, a_columns] * b [depth, kPanel], float32, summed in the
   * order of the depth; a_columns must be a multiple of 4.
   */
  void (*accumulate_outer)(const float* a, std::int64_t a_stride, std::int64_t a_columns, const float* b,
                           std::int64_t b_stride, std::int64_t depth, float* c, std::int64_t c_stride);

  /**
   * Likewise for bfloat16, with the rows interleaved two by two: a [depth / 2, a_columns, 2], b [depth / 2,
   * kPanel, 2].
   */
  void (*accumulate_outer_bf16)(const Bfloat16* a, std::int64_t a_stride, std::int64_t a_columns,
                                const Bfloat16* b, std::int64_t b_stride, std::int64_t depth, float* c,
                                std::int64_t c_stride);
};

}  // namespace torch_tl
