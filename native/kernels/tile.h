#pragma once

#include <cstdint>

#include "kernels/avx2.h"
#include "kernels/product.h"

#ifdef TORCH_TL_AVX2

namespace torch_tl {

/** How far apart the values are that a tile reads: of a, from row to row and along the depth; of b, along the
 * depth. */
struct TileStrides {
  std::int64_t a_row;
  std::int64_t a_depth;
  std::int64_t b_depth;
};

/** Sums of kRows rows and kPanel columns in registers. */
template <int kRows>
struct Tile {
  __m256 left[kRows];   // NOLINT(*-avoid-c-arrays): registers
  __m256 right[kRows];  // NOLINT(*-avoid-c-arrays): registers
};

template <int kRows>
TORCH_TL_AVX2 inline __attribute__((always_inline)) void load(Tile<kRows>& tile, const float* c,
                                                              std::int64_t c_stride) {
  TORCH_TL_UNROLL
  for (int row = 0; row < kRows; ++row) {
    tile.left[row] = _mm256_loadu_ps(c + row * c_stride);
    tile.right[row] = _mm256_loadu_ps(c + row * c_stride + 8);
  }
}

/** Adds the products of a [kRows, depth] and b [depth, kPanel], in the order of the depth. */
template <int kRows>
TORCH_TL_AVX2 inline __attribute__((always_inline)) void add_products(Tile<kRows>& tile, const float* a,
                                                                      const float* b, TileStrides strides,
                                                                      std::int64_t depth) {
  for (std::int64_t k = 0; k < depth; ++k) {
    const __m256 b_left = _mm256_loadu_ps(b + k * strides.b_depth);
    const __m256 b_right = _mm256_loadu_ps(b + k * strides.b_depth + 8);
    TORCH_TL_UNROLL
    for (int row = 0; row < kRows; ++row) {
      const __m256 value = _mm256_broadcast_ss(a + row * strides.a_row + k * strides.a_depth);
      tile.left[row] = _mm256_fmadd_ps(value, b_left, tile.left[row]);
      tile.right[row] = _mm256_fmadd_ps(value, b_right, tile.right[row]);
    }
  }
}

template <int kRows>
TORCH_TL_AVX2 inline __attribute__((always_inline)) void store(const Tile<kRows>& tile, float* c,
                                                               std::int64_t c_stride) {
  TORCH_TL_UNROLL
  for (int row = 0; row < kRows; ++row) {
    _mm256_storeu_ps(c + row * c_stride, tile.left[row]);
    _mm256_storeu_ps(c + row * c_stride + 8, tile.right[row]);
  }
}

}  // namespace torch_tl

#endif
