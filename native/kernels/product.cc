#include "kernels/product.h"

#include "kernels/avx2.h"

namespace torch_tl {

#ifdef TORCH_TL_AVX2

namespace {

/** Twelve sums in registers, two panels' halves of six rows, are as many as hide the latency of a
 * multiply-add. */
constexpr int kTileRows = 6;

template <int kRows>
TORCH_TL_AVX2 void multiply_tile(const float* a, std::int64_t a_stride, const float* panel,
                                 std::int64_t depth, float* c, std::int64_t c_stride) {
  __m256 left[kRows];   // NOLINT(*-avoid-c-arrays): registers
  __m256 right[kRows];  // NOLINT(*-avoid-c-arrays): registers
  TORCH_TL_UNROLL
  for (int row = 0; row < kRows; ++row) left[row] = right[row] = _mm256_setzero_ps();
  for (std::int64_t k = 0; k < depth; ++k) {
    const __m256 panel_left = _mm256_loadu_ps(panel + k * kPanel);
    const __m256 panel_right = _mm256_loadu_ps(panel + k * kPanel + 8);
    TORCH_TL_UNROLL
    for (int row = 0; row < kRows; ++row) {
      const __m256 value = _mm256_broadcast_ss(a + row * a_stride + k);
      left[row] = _mm256_fmadd_ps(value, panel_left, left[row]);
      right[row] = _mm256_fmadd_ps(value, panel_right, right[row]);
    }
  }
  TORCH_TL_UNROLL
  for (int row = 0; row < kRows; ++row) {
    _mm256_storeu_ps(c + row * c_stride, left[row]);
    _mm256_storeu_ps(c + row * c_stride + 8, right[row]);
  }
}

/** Columns of `a` in a tile: four always divide them, and eight sums hide the latency too. */
constexpr int kOuterRows = 4;

TORCH_TL_AVX2 void accumulate_outer_tile(const float* a, std::int64_t a_stride, const float* b,
                                         std::int64_t b_stride, std::int64_t depth, float* c,
                                         std::int64_t c_stride) {
  __m256 left[kOuterRows];   // NOLINT(*-avoid-c-arrays): registers
  __m256 right[kOuterRows];  // NOLINT(*-avoid-c-arrays): registers
  TORCH_TL_UNROLL
  for (int row = 0; row < kOuterRows; ++row) {
    left[row] = _mm256_loadu_ps(c + row * c_stride);
    right[row] = _mm256_loadu_ps(c + row * c_stride + 8);
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    const __m256 b_left = _mm256_loadu_ps(b + k * b_stride);
    const __m256 b_right = _mm256_loadu_ps(b + k * b_stride + 8);
    TORCH_TL_UNROLL
    for (int row = 0; row < kOuterRows; ++row) {
      const __m256 value = _mm256_broadcast_ss(a + k * a_stride + row);
      left[row] = _mm256_fmadd_ps(value, b_left, left[row]);
      right[row] = _mm256_fmadd_ps(value, b_right, right[row]);
    }
  }
  TORCH_TL_UNROLL
  for (int row = 0; row < kOuterRows; ++row) {
    _mm256_storeu_ps(c + row * c_stride, left[row]);
    _mm256_storeu_ps(c + row * c_stride + 8, right[row]);
  }
}

}  // namespace

bool has_kernels() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

void multiply_panel(const float* a, std::int64_t a_stride, const float* panel, std::int64_t rows,
                    std::int64_t depth, float* c, std::int64_t c_stride) {
  for (; rows >= kTileRows; rows -= kTileRows) {
    multiply_tile<kTileRows>(a, a_stride, panel, depth, c, c_stride);
    a += kTileRows * a_stride;
    c += kTileRows * c_stride;
  }
  switch (rows) {
    case 5:
      return multiply_tile<5>(a, a_stride, panel, depth, c, c_stride);
    case 4:
      return multiply_tile<4>(a, a_stride, panel, depth, c, c_stride);
    case 3:
      return multiply_tile<3>(a, a_stride, panel, depth, c, c_stride);
    case 2:
      return multiply_tile<2>(a, a_stride, panel, depth, c, c_stride);
    case 1:
      return multiply_tile<1>(a, a_stride, panel, depth, c, c_stride);
    default:
      return;
  }
}

void accumulate_outer(const float* a, std::int64_t a_stride, std::int64_t a_columns, const float* b,
                      std::int64_t b_stride, std::int64_t depth, float* c, std::int64_t c_stride) {
  for (std::int64_t i = 0; i < a_columns; i += kOuterRows) {
    accumulate_outer_tile(a + i, a_stride, b, b_stride, depth, c + i * c_stride, c_stride);
  }
}

#else

// Other processors: nobody calls what follows.
bool has_kernels() { return false; }
void multiply_panel(const float*, std::int64_t, const float*, std::int64_t, std::int64_t, float*,
                    std::int64_t) {}
void accumulate_outer(const float*, std::int64_t, std::int64_t, const float*, std::int64_t, std::int64_t,
                      float*, std::int64_t) {}

#endif

}  // namespace torch_tl
