#pragma once

#include <cstdint>

#include "kernels/vector.h"

namespace torch_tl::TORCH_TL_INSTRUCTIONS {

/** Columns of a tile. */
inline constexpr std::int64_t kColumns = 2 * kLanes;

/** Values per step along the depth: one float, or a pair of bfloat16. */
template <typename Value>
inline constexpr std::int64_t kDepthStep = sizeof(float) / sizeof(Value);

/** Distances in values: in a from row to row and from step to step of the depth, in b from step to step. */
struct TileStrides {
  std::int64_t a_row;
  std::int64_t a_depth;
  std::int64_t b_depth;
};

/** A tile of sums in registers: kRows rows and kColumns columns. */
template <int kRows>
struct Tile {
  Vector left[kRows];   // NOLINT(*-avoid-c-arrays): registers
  Vector right[kRows];  // NOLINT(*-avoid-c-arrays): registers
};

template <int kRows>
TORCH_TL_INLINE void load(Tile<kRows>& tile, const float* c, std::int64_t c_stride) {
  TORCH_TL_UNROLL
  for (int row = 0; row < kRows; ++row) {
    tile.left[row] = load(c + row * c_stride);
    tile.right[row] = load(c + row * c_stride + kLanes);
  }
}

/**
 * Adds a [kRows, depth] * b [depth, kColumns] to the tile, in the order of the depth, which has `steps`
 * steps.
 */
template <int kRows, typename Value>
TORCH_TL_INLINE void add_products(Tile<kRows>& tile, const Value* a, const Value* b, TileStrides strides,
                                  std::int64_t steps) {
  constexpr std::int64_t kRight = kLanes * kDepthStep<Value>;
  for (std::int64_t k = 0; k < steps; ++k) {
    const auto b_left = load(b + k * strides.b_depth);
    const auto b_right = load(b + k * strides.b_depth + kRight);
    TORCH_TL_UNROLL
    for (int row = 0; row < kRows; ++row) {
      const auto value = repeat(a + row * strides.a_row + k * strides.a_depth);
      tile.left[row] = multiply_add(value, b_left, tile.left[row]);
      tile.right[row] = multiply_add(value, b_right, tile.right[row]);
    }
  }
}

template <int kRows>
TORCH_TL_INLINE void store(const Tile<kRows>& tile, float* c, std::int64_t c_stride) {
  TORCH_TL_UNROLL
  for (int row = 0; row < kRows; ++row) {
    store(c + row * c_stride, tile.left[row]);
    store(c + row * c_stride + kLanes, tile.right[row]);
  }
}

}  // namespace torch_tl::TORCH_TL_INSTRUCTIONS
