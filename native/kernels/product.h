#pragma once

#include <cstdint>

namespace torch_tl {

/** Columns of a panel: what one tile of a product computes side by side. */
inline constexpr std::int64_t kPanel = 16;

/** Whether this processor runs the kernels in this folder: AVX2 and FMA. */
bool has_kernels();

/**
 * c [rows, kPanel] = a [rows, depth] * panel [depth, kPanel], float32, every matrix with its rows so many
 * values apart. Each value is summed in the order of the depth, whatever the number of rows.
 */
void multiply_panel(const float* a, std::int64_t a_stride, const float* panel, std::int64_t rows,
                    std::int64_t depth, float* c, std::int64_t c_stride);

/**
 * c [a_columns, kPanel] += the transpose of a [depth, a_columns] * b [depth, kPanel], as multiply_panel;
 * a_columns is a multiple of 4.
 */
void accumulate_outer(const float* a, std::int64_t a_stride, std::int64_t a_columns, const float* b,
                      std::int64_t b_stride, std::int64_t depth, float* c, std::int64_t c_stride);

}  // namespace torch_tl
