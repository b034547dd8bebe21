#include "kernels/rows.h"

#include <initializer_list>

#include "kernels/avx2.h"

namespace torch_tl {

#ifdef TORCH_TL_AVX2

// _mm256_max_ps gives its second operand where one is NaN: with 0 first NaN stays NaN, as in LibTorch's ReLU.

TORCH_TL_AVX2 void scale_shift_relu(const float* x, const float* scale, const float* shift,
                                    std::int64_t channels, float* y) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    const __m256 value =
        _mm256_fmadd_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(scale + i), _mm256_loadu_ps(shift + i));
    _mm256_storeu_ps(y + i, _mm256_max_ps(_mm256_setzero_ps(), value));
  }
}

TORCH_TL_AVX2 void scale_shift(const float* x, const float* scale, const float* shift, std::int64_t channels,
                               float* y) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    _mm256_storeu_ps(y + i, _mm256_fmadd_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(scale + i),
                                            _mm256_loadu_ps(shift + i)));
  }
}

TORCH_TL_AVX2 void bias_relu(const float* x, const float* bias, std::int64_t channels, float* y) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    const __m256 value = _mm256_add_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(bias + i));
    _mm256_storeu_ps(y + i, _mm256_max_ps(_mm256_setzero_ps(), value));
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
                          _mm256_max_ps(zero, _mm256_fmadd_ps(_mm256_loadu_ps(pixel + i), factor, summand)));
    }
    _mm256_storeu_ps(y + i, _mm256_mul_ps(sum, _mm256_set1_ps(0.25F)));
  }
}

TORCH_TL_AVX2 void add_moments(const float* x, const float* pivot, std::int64_t channels, float* sum,
                               float* squares) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    const __m256 value = _mm256_sub_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(pivot + i));
    _mm256_storeu_ps(sum + i, _mm256_add_ps(_mm256_loadu_ps(sum + i), value));
    _mm256_storeu_ps(squares + i, _mm256_fmadd_ps(value, value, _mm256_loadu_ps(squares + i)));
  }
}

TORCH_TL_AVX2 void mask_and_sum(float* dy, const float* y, const float* x, const float* mean,
                                std::int64_t channels, float* sum, float* products) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    const __m256 positive = _mm256_cmp_ps(_mm256_loadu_ps(y + i), _mm256_setzero_ps(), _CMP_NLE_UQ);
    const __m256 gradient = _mm256_and_ps(_mm256_loadu_ps(dy + i), positive);
    const __m256 centred = _mm256_sub_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(mean + i));
    _mm256_storeu_ps(dy + i, gradient);
    _mm256_storeu_ps(sum + i, _mm256_add_ps(_mm256_loadu_ps(sum + i), gradient));
    _mm256_storeu_ps(products + i, _mm256_fmadd_ps(gradient, centred, _mm256_loadu_ps(products + i)));
  }
}

TORCH_TL_AVX2 void norm_gradient(const float* dy, const float* x, const float* scale, const float* shift,
                                 const float* mean, const float* slope, std::int64_t channels, float* dx) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    const __m256 centred = _mm256_sub_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(mean + i));
    const __m256 scaled =
        _mm256_fmsub_ps(_mm256_loadu_ps(dy + i), _mm256_loadu_ps(scale + i), _mm256_loadu_ps(shift + i));
    _mm256_storeu_ps(dx + i, _mm256_fnmadd_ps(centred, _mm256_loadu_ps(slope + i), scaled));
  }
}

TORCH_TL_AVX2 void dense_gradient(const float* d, const float* w, float sum, const float* scale,
                                  const float* shift, std::int64_t channels, float* weight_gradient,
                                  float* scale_gradient, float* shift_gradient) {
  const __m256 sums = _mm256_set1_ps(sum);
  for (std::int64_t i = 0; i < channels; i += 8) {
    const __m256 product = _mm256_loadu_ps(d + i);
    const __m256 weight = _mm256_loadu_ps(w + i);
    const __m256 gradient = _mm256_mul_ps(sums, _mm256_loadu_ps(shift + i));
    _mm256_storeu_ps(weight_gradient + i, _mm256_fmadd_ps(product, _mm256_loadu_ps(scale + i), gradient));
    _mm256_storeu_ps(scale_gradient + i,
                     _mm256_fmadd_ps(weight, product, _mm256_loadu_ps(scale_gradient + i)));
    _mm256_storeu_ps(shift_gradient + i, _mm256_fmadd_ps(weight, sums, _mm256_loadu_ps(shift_gradient + i)));
  }
}

TORCH_TL_AVX2 void add_scaled(const float* x, const float* scale, std::int64_t channels, float* y) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    const __m256 sum =
        _mm256_fmadd_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(scale + i), _mm256_loadu_ps(y + i));
    _mm256_storeu_ps(y + i, sum);
  }
}

#else

// Other processors: nobody calls what follows.
void scale_shift_relu(const float*, const float*, const float*, std::int64_t, float*) {}
void scale_shift(const float*, const float*, const float*, std::int64_t, float*) {}
void bias_relu(const float*, const float*, std::int64_t, float*) {}
void pooled_scale_shift_relu(const float*, std::int64_t, std::int64_t, const float*, const float*,
                             std::int64_t, float*) {}
void add_moments(const float*, const float*, std::int64_t, float*, float*) {}
void mask_and_sum(float*, const float*, const float*, const float*, std::int64_t, float*, float*) {}
void norm_gradient(const float*, const float*, const float*, const float*, const float*, const float*,
                   std::int64_t, float*) {}
void dense_gradient(const float*, const float*, float, const float*, const float*, std::int64_t, float*,
                    float*, float*) {}
void add_scaled(const float*, const float*, std::int64_t, float*) {}

#endif

}  // namespace torch_tl
