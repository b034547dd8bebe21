#include "kernels/winograd.h"

#include "kernels/avx2.h"

namespace torch_tl {

#ifdef TORCH_TL_AVX2

TORCH_TL_AVX2 void transform_tile(const float* pixels, std::int64_t right, std::int64_t down,
                                  std::int64_t channels, float* tile, std::int64_t apart) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    __m256 rows[4][4];  // B^T d; NOLINT(*-avoid-c-arrays)
    TORCH_TL_UNROLL
    for (int x = 0; x < 4; ++x) {
      const float* column = pixels + x * right + i;
      const __m256 d0 = _mm256_loadu_ps(column);
      const __m256 d1 = _mm256_loadu_ps(column + down);
      const __m256 d2 = _mm256_loadu_ps(column + 2 * down);
      const __m256 d3 = _mm256_loadu_ps(column + 3 * down);
      rows[0][x] = _mm256_sub_ps(d0, d2);
      rows[1][x] = _mm256_add_ps(d1, d2);
      rows[2][x] = _mm256_sub_ps(d2, d1);
      rows[3][x] = _mm256_sub_ps(d1, d3);
    }
    TORCH_TL_UNROLL
    for (int y = 0; y < 4; ++y) {
      float* places = tile + 4 * apart * y + i;
      _mm256_storeu_ps(places, _mm256_sub_ps(rows[y][0], rows[y][2]));
      _mm256_storeu_ps(places + apart, _mm256_add_ps(rows[y][1], rows[y][2]));
      _mm256_storeu_ps(places + 2 * apart, _mm256_sub_ps(rows[y][2], rows[y][1]));
      _mm256_storeu_ps(places + 3 * apart, _mm256_sub_ps(rows[y][1], rows[y][3]));
    }
  }
}

TORCH_TL_AVX2 void transform_back(const float* tile, std::int64_t apart, std::int64_t channels, float* pixels,
                                  std::int64_t right, std::int64_t down, int rows, int columns) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    __m256 sums[2][4];  // A^T m; NOLINT(*-avoid-c-arrays)
    TORCH_TL_UNROLL
    for (int x = 0; x < 4; ++x) {
      const float* places = tile + x * apart + i;
      const __m256 m0 = _mm256_loadu_ps(places);
      const __m256 m1 = _mm256_loadu_ps(places + 4 * apart);
      const __m256 m2 = _mm256_loadu_ps(places + 8 * apart);
      const __m256 m3 = _mm256_loadu_ps(places + 12 * apart);
      sums[0][x] = _mm256_add_ps(_mm256_add_ps(m0, m1), m2);
      sums[1][x] = _mm256_sub_ps(_mm256_sub_ps(m1, m2), m3);
    }
    TORCH_TL_UNROLL
    for (int y = 0; y < rows; ++y) {
      float* row = pixels + y * down + i;
      _mm256_storeu_ps(row, _mm256_add_ps(_mm256_add_ps(sums[y][0], sums[y][1]), sums[y][2]));
      if (columns == 2) {
        _mm256_storeu_ps(row + right, _mm256_sub_ps(_mm256_sub_ps(sums[y][1], sums[y][2]), sums[y][3]));
      }
    }
  }
}

TORCH_TL_AVX2 void transform_gradient(const float* pixels, std::int64_t right, std::int64_t down,
                                      std::int64_t channels, float* tile, std::int64_t apart) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    __m256 rows[4][2];  // A d; NOLINT(*-avoid-c-arrays)
    TORCH_TL_UNROLL
    for (int x = 0; x < 2; ++x) {
      const __m256 d0 = _mm256_loadu_ps(pixels + x * right + i);
      const __m256 d1 = _mm256_loadu_ps(pixels + x * right + down + i);
      rows[0][x] = d0;
      rows[1][x] = _mm256_add_ps(d0, d1);
      rows[2][x] = _mm256_sub_ps(d0, d1);
      rows[3][x] = _mm256_sub_ps(_mm256_setzero_ps(), d1);
    }
    TORCH_TL_UNROLL
    for (int y = 0; y < 4; ++y) {
      float* places = tile + 4 * apart * y + i;
      _mm256_storeu_ps(places, rows[y][0]);
      _mm256_storeu_ps(places + apart, _mm256_add_ps(rows[y][0], rows[y][1]));
      _mm256_storeu_ps(places + 2 * apart, _mm256_sub_ps(rows[y][0], rows[y][1]));
      _mm256_storeu_ps(places + 3 * apart, _mm256_sub_ps(_mm256_setzero_ps(), rows[y][1]));
    }
  }
}

#else

// Other processors: nobody calls what follows.
void transform_tile(const float*, std::int64_t, std::int64_t, std::int64_t, float*, std::int64_t) {}
void transform_back(const float*, std::int64_t, std::int64_t, float*, std::int64_t, std::int64_t, int, int) {}
void transform_gradient(const float*, std::int64_t, std::int64_t, std::int64_t, float*, std::int64_t) {}

#endif

}  // namespace torch_tl
