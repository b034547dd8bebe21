#include "kernels/stem.h"

#include "kernels/avx2.h"
#include "kernels/product.h"
#include "kernels/tile.h"

namespace torch_tl {

#ifdef TORCH_TL_AVX2

namespace {

/** A tile's pixels see overlapping windows of each row, `kStep` values apart and `kWindow` wide. */
constexpr std::int64_t kStep = kStemStride * kStemChannels;
constexpr std::int64_t kWindow = kStemKernel * kStemChannels;

TORCH_TL_AVX2 void convolve_tile(const float* const* rows, std::int64_t begin, const float* panel, float* out,
                                 std::int64_t right) {
  Tile<kStemPixels> tile{};
  for (int y = 0; y < kStemKernel; ++y) {
    add_products(tile, rows[y] + begin, panel + y * kWindow * kPanel, {kStep, 1, kPanel}, kWindow);
  }
  store(tile, out, right);
}

}  // namespace

void convolve_stem(const float* const* rows, const float* panel, std::int64_t tiles, float* out,
                   std::int64_t right) {
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    convolve_tile(rows, tile * kStemPixels * kStep, panel, out + tile * kStemPixels * right, right);
  }
}

TORCH_TL_AVX2 void max_bias_relu(const float* const* rows, const std::int64_t* pixels, const float* bias,
                                 std::int64_t channels, float* y) {
  for (std::int64_t i = 0; i < channels; i += 8) {
    __m256 greatest = _mm256_loadu_ps(rows[0] + pixels[0] + i);
    for (int row = 0; row < 3; ++row) {
      for (int column = 0; column < 3; ++column) {
        greatest = _mm256_max_ps(greatest, _mm256_loadu_ps(rows[row] + pixels[column] + i));
      }
    }
    const __m256 value = _mm256_add_ps(greatest, _mm256_loadu_ps(bias + i));
    _mm256_storeu_ps(y + i, _mm256_max_ps(_mm256_setzero_ps(), value));  // in this order NaN stays NaN
  }
}

#else

// Other processors: nobody calls what follows.
void convolve_stem(const float* const*, const float*, std::int64_t, float*, std::int64_t) {}
void max_bias_relu(const float* const*, const std::int64_t*, const float*, std::int64_t, float*) {}

#endif

}  // namespace torch_tl
