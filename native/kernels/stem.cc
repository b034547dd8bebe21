#include "kernels/stem.h"

#include "kernels/product.h"
#include "kernels/tile.h"

namespace torch_tl::TORCH_TL_INSTRUCTIONS {
namespace {

/** A tile's pixels see overlapping windows of each row, `kStep` values apart and `kWindow` wide. */
constexpr std::int64_t kStep = kStemStride * kStemChannels;
constexpr std::int64_t kWindow = kStemKernel * kStemChannels;

void convolve_tile(const float* const* rows, std::int64_t begin, const float* columns, float* out,
                   std::int64_t right) {
  Tile<kStemPixels> tile{};
  for (int y = 0; y < kStemKernel; ++y) {
    add_products(tile, rows[y] + begin, columns + y * kWindow * kColumns, {kStep, 1, kColumns}, kWindow);
  }
  store(tile, out, right);
}

void convolve_stem(const float* const* rows, const float* panel, std::int64_t tiles, float* out,
                   std::int64_t right) {
  for (std::int64_t column = 0; column < kPanel; column += kColumns) {
    const float* columns = panel + column * kStemKernel * kWindow;
    for (std::int64_t tile = 0; tile < tiles; ++tile) {
      const std::int64_t pixel = tile * kStemPixels;
      convolve_tile(rows, pixel * kStep, columns, out + pixel * right + column, right);
    }
  }
}

void max_bias_relu(const float* const* rows, const std::int64_t* pixels, const float* bias,
                   std::int64_t channels, float* y) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    Vector greatest = load(rows[0] + pixels[0] + i);
    for (int row = 0; row < 3; ++row) {
      for (int column = 0; column < 3; ++column) {
        greatest = greater(greatest, load(rows[row] + pixels[column] + i));
      }
    }
    store(y + i, relu(greatest + load(bias + i)));
  }
}

}  // namespace

StemKernels stem_kernels() { return {.convolve_stem = convolve_stem, .max_bias_relu = max_bias_relu}; }

}  // namespace torch_tl::TORCH_TL_INSTRUCTIONS
