#include "kernels/product.h"

#include <cstdlib>
#include <initializer_list>
#include <string_view>

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

}  // namespace

bool has_kernels() {
  // For comparison and for doubt: then LibTorch's operators do it all.
  static const bool wanted = [] {
    const char* kernels = std::getenv("TORCH_TL_KERNELS");
    return kernels == nullptr || std::string_view(kernels) != "off";
  }();
  return wanted && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

void multiply_panel(const float* a, std::int64_t a_stride, const float* panel, std::int64_t rows,
                    std::int64_t depth, float* c, std::int64_t c_stride) {
  for (; rows >= kTileRows; rows -= kTileRows) {
    multiply_tile<kTileRows>(a, a_stride, panel, depth, c, c_stride);
    a += kTileRows * a_stride;
    c += kTileRows * c_stride;
  }
  for (; rows > 0; --rows) {
    multiply_tile<1>(a, a_stride, panel, depth, c, c_stride);
    a += a_stride;
    c += c_stride;
  }
}

TORCH_TL_AVX2 void scale_shift_relu(const float* x, const float* scale, const float* shift,
                                    std::int64_t channels, float* y) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    const __m256 value =
        _mm256_fmadd_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(scale + i), _mm256_loadu_ps(shift + i));
    _mm256_storeu_ps(y + i, _mm256_max_ps(value, _mm256_setzero_ps()));
  }
}

TORCH_TL_AVX2 void bias_relu(const float* x, const float* bias, std::int64_t channels, float* y) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    const __m256 value = _mm256_add_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(bias + i));
    _mm256_storeu_ps(y + i, _mm256_max_ps(value, _mm256_setzero_ps()));
  }
}

TORCH_TL_AVX2 void pooled_scale_shift_relu(const float* x, std::int64_t right, std::int64_t down,
                                           const float* scale, const float* shift, std::int64_t channels,
                                           float* y) {
  const __m256 zero = _mm256_setzero_ps();
  for (std::int64_t i = 0; i < channels; i += 8) {
    const __m256 factor = _mm256_loadu_ps(scale + i);
    const __m256 summand = _mm256_loadu_ps(shift + i);
    __m256 sum = zero;
    for (const float* pixel : {x, x + right, x + down, x + down + right}) {
      sum = _mm256_add_ps(sum,
                          _mm256_max_ps(_mm256_fmadd_ps(_mm256_loadu_ps(pixel + i), factor, summand), zero));
    }
    _mm256_storeu_ps(y + i, _mm256_mul_ps(sum, _mm256_set1_ps(0.25F)));
  }
}

#else

// Other processors: nobody calls what follows.
bool has_kernels() { return false; }
void multiply_panel(const float*, std::int64_t, const float*, std::int64_t, std::int64_t, float*,
                    std::int64_t) {}
void scale_shift_relu(const float*, const float*, const float*, std::int64_t, float*) {}
void bias_relu(const float*, const float*, std::int64_t, float*) {}
void pooled_scale_shift_relu(const float*, std::int64_t, std::int64_t, const float*, const float*,
                             std::int64_t, float*) {}

#endif

}  // namespace torch_tl
