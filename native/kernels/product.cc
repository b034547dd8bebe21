#include "kernels/product.h"

#include "kernels/tile.h"

namespace torch_tl::TORCH_TL_INSTRUCTIONS {
namespace {

/**
 * Rows of a tile: with two sums per row, enough to hide a multiply-add's latency and leave registers free.
 */
constexpr int kTileRows = kLanes == 16 ? 12 : 6;

template <int kRows, typename Value>
void multiply_tile(const Value* a, std::int64_t a_stride, const Value* columns, std::int64_t depth, float* c,
                   std::int64_t c_stride) {
  Tile<kRows> tile{};
  add_products(tile, a, columns, {a_stride, kDepthStep<Value>, kColumns * kDepthStep<Value>},
               depth / kDepthStep<Value>);
  store(tile, c, c_stride);
}

/** Multiplies fewer rows than kRows. */
template <int kRows, typename Value>
void multiply_rest(const Value* a, std::int64_t a_stride, const Value* columns, std::int64_t rows,
                   std::int64_t depth, float* c, std::int64_t c_stride) {
  if constexpr (kRows > 1) {
    if (rows == kRows - 1) return multiply_tile<kRows - 1>(a, a_stride, columns, depth, c, c_stride);
    multiply_rest<kRows - 1>(a, a_stride, columns, rows, depth, c, c_stride);
  }
}

template <typename Value>
void multiply_panel(const Value* a, std::int64_t a_stride, const Value* panel, std::int64_t rows,
                    std::int64_t depth, float* c, std::int64_t c_stride) {
  for (std::int64_t column = 0; column < kPanel; column += kColumns) {
    const Value* columns = panel + column * depth;
    std::int64_t row = 0;
    for (; row + kTileRows <= rows; row += kTileRows) {
      multiply_tile<kTileRows>(a + row * a_stride, a_stride, columns, depth, c + row * c_stride + column,
                               c_stride);
    }
    multiply_rest<kTileRows>(a + row * a_stride, a_stride, columns, rows - row, depth,
                             c + row * c_stride + column, c_stride);
  }
}

/** Columns of `a` in a tile: their number is a multiple of 4, and 8 sums hide the latency too. */
constexpr int kOuterRows = 4;

template <typename Value>
void accumulate_outer(const Value* a, std::int64_t a_stride, std::int64_t a_columns, const Value* b,
                      std::int64_t b_stride, std::int64_t depth, float* c, std::int64_t c_stride) {
  for (std::int64_t column = 0; column < kPanel; column += kColumns) {
    for (std::int64_t i = 0; i < a_columns; i += kOuterRows) {
      Tile<kOuterRows> tile{};
      load(tile, c + i * c_stride + column, c_stride);
      add_products(tile, a + i * kDepthStep<Value>, b + column * kDepthStep<Value>,
                   {kDepthStep<Value>, a_stride, b_stride}, depth / kDepthStep<Value>);
      store(tile, c + i * c_stride + column, c_stride);
    }
  }
}

}  // namespace

ProductKernels product_kernels() {
  return {.columns = kColumns,
          .multiply_panel = multiply_panel<float>,
          .multiply_panel_bf16 = multiply_panel<Bfloat16>,
          .accumulate_outer = accumulate_outer<float>,
          .accumulate_outer_bf16 = accumulate_outer<Bfloat16>};
}

}  // namespace torch_tl::TORCH_TL_INSTRUCTIONS
