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

/** y = max(0, x * scale + shift) over so many channels. */
void scale_shift_relu(const float* x, const float* scale, const float* shift, std::int64_t channels,
                      float* y);

/** y = max(0, x + bias) over so many channels. */
void bias_relu(const float* x, const float* bias, std::int64_t channels, float* y);

/** y = mean of max(0, x * scale + shift) over four pixels, `right` and `down` values apart. */
void pooled_scale_shift_relu(const float* x, std::int64_t right, std::int64_t down, const float* scale,
                             const float* shift, std::int64_t channels, float* y);

}  // namespace torch_tl
