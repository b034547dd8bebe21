#include "executors/convolution.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "kernels/product.h"
#include "kernels/winograd.h"

namespace torch_tl {
namespace {

/** Tiles that go through the products at a time: a multiple of a product's six rows. */
constexpr std::int64_t kTiles = 12;

}  // namespace

Convolution::Convolution(const PaddedMap& map, std::int64_t in, std::int64_t out)
    : map_(map),
      in_(in),
      out_(out),
      inputs_(at::empty({kTilePlaces, kTiles, in})),
      outputs_(at::empty({kTilePlaces, kTiles, out})) {}

void Convolution::run(const float* padded, const at::Tensor& kernels, float* pixels, std::int64_t stride) {
  auto* inputs = inputs_.data_ptr<float>();
  auto* outputs = outputs_.data_ptr<float>();
  const std::int64_t panels = out_ / kPanel;
  const std::int64_t down = map_.padded_width() * in_;
  for (std::int64_t begin = 0; begin < map_.tiles(); begin += kTiles) {
    const std::int64_t tiles = std::min(kTiles, map_.tiles() - begin);
    for (std::int64_t i = 0; i < tiles; ++i) {
      transform_tile(padded + map_.corner(begin + i) * in_, in_, down, in_, inputs + i * in_, kTiles * in_);
    }
    for (std::int64_t place = 0; place < kTilePlaces; ++place) {
      for (std::int64_t panel = 0; panel < panels; ++panel) {
        multiply_panel(inputs + place * kTiles * in_, in_,
                       kernels.const_data_ptr<float>() + (place * panels + panel) * in_ * kPanel, tiles, in_,
                       outputs + place * kTiles * out_ + panel * kPanel, out_);
      }
    }
    for (std::int64_t i = 0; i < tiles; ++i) {
      const std::int64_t row = 2 * ((begin + i) / map_.tile_columns());
      const std::int64_t column = 2 * ((begin + i) % map_.tile_columns());
      transform_back(outputs + i * out_, kTiles * out_, out_, pixels + (row * map_.width + column) * stride,
                     stride, map_.width * stride, row + 1 < map_.height ? 2 : 1,
                     column + 1 < map_.width ? 2 : 1);
    }
  }
}

void Convolution::add_kernel_gradient(const float* padded, const float* gradient, float* places) {
  auto* inputs = inputs_.data_ptr<float>();
  auto* outputs = outputs_.data_ptr<float>();
  const std::int64_t width = map_.padded_width();
  for (std::int64_t begin = 0; begin < map_.tiles(); begin += kTiles) {
    const std::int64_t tiles = std::min(kTiles, map_.tiles() - begin);
    for (std::int64_t i = 0; i < tiles; ++i) {
      const std::int64_t corner = map_.corner(begin + i);
      transform_tile(padded + corner * in_, in_, width * in_, in_, inputs + i * in_, kTiles * in_);
      transform_gradient(gradient + (corner + width + 1) * out_, out_, width * out_, out_, outputs + i * out_,
                         kTiles * out_);
    }
    for (std::int64_t place = 0; place < kTilePlaces; ++place) {
      for (std::int64_t panel = 0; panel < out_; panel += kPanel) {
        accumulate_outer(inputs + place * kTiles * in_, in_, in_, outputs + place * kTiles * out_ + panel,
                         out_, tiles, places + place * in_ * out_ + panel, out_);
      }
    }
  }
}

}  // namespace torch_tl
