#pragma once

#include <cstdint>

#include "kernels/bfloat16.h"

namespace torch_tl {

/** Columns of a panel. */
inline constexpr std::int64_t kPanel = 32;

/** Products of matrices, summed in float32. Every matrix has its rows so many values apart. */
struct ProductKernels {
  /** Columns that a tile computes side by side. A panel is packed [kPanel / columns][depth][columns]. */
  std::int64_t columns;

  /**
   * c [rows, kPanel] = a [rows, depth] * panel [depth, kPanel], float32. Each value is summed in the order of
   * the depth, whatever the number of rows.
   */
  void (*multiply_panel)(const float* a, std::int64_t a_stride, const float* panel, std::int64_t rows,
                         std::int64_t depth, float* c, std::int64_t c_stride);

  /** The same of bfloat16; the depth is even, and the panel packed [kPanel / columns][depth / 2][columns][2].
   */
  void (*multiply_panel_bf16)(const Bfloat16* a, std::int64_t a_stride, const Bfloat16* panel,
                              std::int64_t rows, std::int64_t depth, float* c, std::int64_t c_stride);

  /**
   * c [a_columns, kPanel] += the transpose of a [depth, a_columns] * b [depth, kPanel], float32, as
   * multiply_panel; a_columns is a multiple of 4.
   */
  void (*accumulate_outer)(const float* a, std::int64_t a_stride, std::int64_t a_columns, const float* b,
                           std::int64_t b_stride, std::int64_t depth, float* c, std::int64_t c_stride);

  /** The same of bfloat16, of which two rows stand side by side: a [depth / 2, a_columns, 2], b [depth / 2,
   * kPanel, 2]. */
  void (*accumulate_outer_bf16)(const Bfloat16* a, std::int64_t a_stride, std::int64_t a_columns,
                                const Bfloat16* b, std::int64_t b_stride, std::int64_t depth, float* c,
                                std::int64_t c_stride);
};

}  // namespace torch_tl
