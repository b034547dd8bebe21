#include "kernels/stem.h"

#include "kernels/product.h"
#include "kernels/tile.h"

namespace torch_tl::TORCH_TL_INSTRUCTIONS {
namespace {

/** The pixels of a tile read overlapping windows of each row, `kStep` values apart and `kWindow` wide. */
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

/** Whether a max pool takes x instead of the maximum so far: NaN always, as in LibTorch. */
TORCH_TL_INLINE auto is_greater(Vector x, Vector greatest) { return (x > greatest) | (x != x); }

void max_bias_relu(const float* const* rows, const std::int64_t* pixels, const float* bias,
                   std::int64_t channels, float* y) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    Vector greatest = load(rows[0] + pixels[0] + i);
    TORCH_TL_UNROLL
    for (int place = 1; place < 9; ++place) {
      const Vector x = load(rows[place / 3] + pixels[place % 3] + i);
      greatest = is_greater(x, greatest) ? x : greatest;
    }
    store(y + i, relu(greatest + load(bias + i)));
  }
}

/** For kLanes channels, the maximum of nine pixels behind a norm. */
struct Greatest {
  Vector value;  // behind the norm
  Vector x;      // in front of the norm
  Vector place;  // index of the pixel, 0 to 8
};

TORCH_TL_INLINE Greatest greatest_of(const float* const* rows, const std::int64_t* pixels, Vector scale,
                                     Vector shift, std::int64_t channel) {
  const Vector first = load(rows[0] + pixels[0] + channel);
  Greatest greatest{multiply_add(first, scale, shift), first, Vector{}};
  TORCH_TL_UNROLL
  for (int place = 1; place < 9; ++place) {
    const Vector x = load(rows[place / 3] + pixels[place % 3] + channel);
    const Vector value = multiply_add(x, scale, shift);
    const auto takes = is_greater(value, greatest.value);
    greatest.value = takes ? value : greatest.value;
    greatest.x = takes ? x : greatest.x;
    greatest.place = takes ? every_lane(static_cast<float>(place)) : greatest.place;
  }
  return greatest;
}

void max_scale_shift_relu(const float* const* rows, const std::int64_t* pixels, const float* scale,
                          const float* shift, std::int64_t channels, float* y) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    store(y + i, relu(greatest_of(rows, pixels, load(scale + i), load(shift + i), i).value));
  }
}

void sum_max_gradient(const float* const* rows, const std::int64_t* pixels, const float* scale,
                      const float* shift, const float* mean, const float* dy, std::int64_t channels,
                      float* sum, float* products) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    const Greatest greatest = greatest_of(rows, pixels, load(scale + i), load(shift + i), i);
    const Vector gradient = relu_gradient(greatest.value, load(dy + i));
    store(sum + i, load(sum + i) + gradient);
    store(products + i, multiply_add(gradient, greatest.x - load(mean + i), load(products + i)));
  }
}

void add_max_gradient(const float* const* rows, const std::int64_t* pixels, const float* scale,
                      const float* shift, const float* dy, std::int64_t channels, float* const* dx) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    const Greatest greatest = greatest_of(rows, pixels, load(scale + i), load(shift + i), i);
    const Vector gradient = relu_gradient(greatest.value, load(dy + i));
    TORCH_TL_UNROLL
    for (int place = 0; place < 9; ++place) {
      float* pixel = dx[place / 3] + pixels[place % 3] + i;
      store(pixel, load(pixel) + (greatest.place == static_cast<float>(place) ? gradient : Vector{}));
    }
  }
}

}  // namespace

StemKernels stem_kernels() {
  return {.convolve_stem = convolve_stem,
          .max_bias_relu = max_bias_relu,
          .max_scale_shift_relu = max_scale_shift_relu,
          .sum_max_gradient = sum_max_gradient,
          .add_max_gradient = add_max_gradient};
}

}  // namespace torch_tl::TORCH_TL_INSTRUCTIONS
