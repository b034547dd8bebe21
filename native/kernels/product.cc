#include "kernels/product.h"

#include "kernels/avx2.h"
#include "kernels/tile.h"

namespace torch_tl {

#ifdef TORCH_TL_AVX2

namespace {

/** Twelve sums in registers, two panels' halves of six rows, are as many as hide the latency of a
 * multiply-add. */
constexpr int kTileRows = 6;

template <int kRows>
TORCH_TL_AVX2 void multiply_tile(const float* a, std::int64_t a_stride, const float* panel,
                                 std::int64_t depth, float* c, std::int64_t c_stride) {
  Tile<kRows> tile{};
  add_products(tile, a, panel, {a_stride, 1, kPanel}, depth);
  store(tile, c, c_stride);
}

/** Columns of `a` in a tile: four always divide them, and eight sums hide the latency too. */
constexpr int kOuterRows = 4;

TORCH_TL_AVX2 void accumulate_outer_tile(const float* a, std::int64_t a_stride, const float* b,
                                         std::int64_t b_stride, std::int64_t depth, float* c,
                                         std::int64_t c_stride) {
  Tile<kOuterRows> tile{};
  load(tile, c, c_stride);
  add_products(tile, a, b, {1, a_stride, b_stride}, depth);
  store(tile, c, c_stride);
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
