#include "kernels/winograd.h"

#include "kernels/vector.h"

namespace torch_tl::TORCH_TL_INSTRUCTIONS {
namespace {

void transform_tile(const float* pixels, std::int64_t right, std::int64_t down, std::int64_t channels,
                    float* tile, std::int64_t apart) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    Vector rows[4][4];  // B^T d; NOLINT(*-avoid-c-arrays)
    TORCH_TL_UNROLL
    for (int x = 0; x < 4; ++x) {
      const float* column = pixels + x * right + i;
      const Vector d0 = load(column);
      const Vector d1 = load(column + down);
      const Vector d2 = load(column + 2 * down);
      const Vector d3 = load(column + 3 * down);
      rows[0][x] = d0 - d2;
      rows[1][x] = d1 + d2;
      rows[2][x] = d2 - d1;
      rows[3][x] = d1 - d3;
    }
    TORCH_TL_UNROLL
    for (int y = 0; y < 4; ++y) {
      float* places = tile + 4 * apart * y + i;
      store(places, rows[y][0] - rows[y][2]);
      store(places + apart, rows[y][1] + rows[y][2]);
      store(places + 2 * apart, rows[y][2] - rows[y][1]);
      store(places + 3 * apart, rows[y][1] - rows[y][3]);
    }
  }
}

void transform_back(const float* tile, std::int64_t apart, std::int64_t channels, float* pixels,
                    std::int64_t right, std::int64_t down, int rows, int columns) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    Vector sums[2][4];  // A^T m; NOLINT(*-avoid-c-arrays)
    TORCH_TL_UNROLL
    for (int x = 0; x < 4; ++x) {
      const float* places = tile + x * apart + i;
      const Vector m0 = load(places);
      const Vector m1 = load(places + 4 * apart);
      const Vector m2 = load(places + 8 * apart);
      const Vector m3 = load(places + 12 * apart);
      sums[0][x] = m0 + m1 + m2;
      sums[1][x] = m1 - m2 - m3;
    }
    TORCH_TL_UNROLL
    for (int y = 0; y < rows; ++y) {
      float* row = pixels + y * down + i;
      store(row, sums[y][0] + sums[y][1] + sums[y][2]);
      if (columns == 2) store(row + right, sums[y][1] - sums[y][2] - sums[y][3]);
    }
  }
}

void transform_gradient(const float* pixels, std::int64_t right, std::int64_t down, std::int64_t channels,
                        float* tile, std::int64_t apart) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    Vector rows[4][2];  // A d; NOLINT(*-avoid-c-arrays)
    TORCH_TL_UNROLL
    for (int x = 0; x < 2; ++x) {
      const Vector d0 = load(pixels + x * right + i);
      const Vector d1 = load(pixels + x * right + down + i);
      rows[0][x] = d0;
      rows[1][x] = d0 + d1;
      rows[2][x] = d0 - d1;
      rows[3][x] = -d1;
    }
    TORCH_TL_UNROLL
    for (int y = 0; y < 4; ++y) {
      float* places = tile + 4 * apart * y + i;
      store(places, rows[y][0]);
      store(places + apart, rows[y][0] + rows[y][1]);
      store(places + 2 * apart, rows[y][0] - rows[y][1]);
      store(places + 3 * apart, -rows[y][1]);
    }
  }
}

}  // namespace

WinogradKernels winograd_kernels() {
  return {.transform_tile = transform_tile,
          .transform_back = transform_back,
          .transform_gradient = transform_gradient};
}

}  // namespace torch_tl::TORCH_TL_INSTRUCTIONS
