#include "executors/convolution.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "kernels/kernels.h"

namespace torch_tl {
Convolution::Convolution(const PaddedMap& map, std::int64_t in, std::int64_t out)
    : map_(map),
      in_(in),
      out_(out),
      inputs_(at::empty({kTilePlaces, kTiles, in})),
      outputs_(at::empty({kTilePlaces, kTiles, out})) {}

void Convolution::run(const float* padded, const at::Tensor& tile_panels, float* pixels,
                      std::int64_t stride) {
  for (std::int64_t begin = 0; begin < map_.tiles(); begin += kTiles) {
    run(padded, tile_panels, {begin, std::min(begin + kTiles, map_.tiles())}, {0, out_ / kPanel}, pixels,
        stride);
  }
}

void Convolution::run(const float* padded, const at::Tensor& tile_panels, Range tiles, Range panels,
                      float* pixels, std::int64_t stride) {
  auto* inputs = inputs_.data_ptr<float>();
  auto* outputs = outputs_.data_ptr<float>();
  const auto* kernel = tile_panels.const_data_ptr<float>();
  const std::int64_t down = map_.padded_width() * in_;
  for (std::int64_t i = 0; i < tiles.size(); ++i) {
    kernels().transform_tile(padded + map_.corner(tiles.begin + i) * in_, in_, down, in_, inputs + i * in_,
                             kTiles * in_);
  }
  for (std::int64_t place = 0; place < kTilePlaces; ++place) {
    for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
      kernels().multiply_panel(inputs + place * kTiles * in_, in_,
                               kernel + (place * out_ + panel * kPanel) * in_, tiles.size(), in_,
                               outputs + place * kTiles * out_ + panel * kPanel, out_);
    }
  }
  for (std::int64_t i = 0; i < tiles.size(); ++i) {
    const std::int64_t row = 2 * ((tiles.begin + i) / map_.tile_columns());
    const std::int64_t column = 2 * ((tiles.begin + i) % map_.tile_columns());
    const std::int64_t first = panels.begin * kPanel;
    kernels().transform_back(outputs + i * out_ + first, kTiles * out_, panels.size() * kPanel,
                             pixels + (row * map_.width + column) * stride + first, stride,
                             map_.width * stride, row + 1 < map_.height ? 2 : 1,
                             column + 1 < map_.width ? 2 : 1);
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
      kernels().transform_tile(padded + corner * in_, in_, width * in_, in_, inputs + i * in_, kTiles * in_);
      kernels().transform_gradient(gradient + (corner + width + 1) * out_, out_, width * out_, out_,
                                   outputs + i * out_, kTiles * out_);
    }
    for (std::int64_t place = 0; place < kTilePlaces; ++place) {
      for (std::int64_t panel = 0; panel < out_; panel += kPanel) {
        kernels().accumulate_outer(inputs + place * kTiles * in_, in_, in_,
                                   outputs + place * kTiles * out_ + panel, out_, tiles,
                                   places + place * in_ * out_ + panel, out_);
      }
    }
  }
}

}  // namespace torch_tl
