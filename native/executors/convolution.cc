#include "executors/convolution.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "kernels/kernels.h"

namespace torch_tl {
namespace {

/** Unused values between places, without which all places would fall on the same cache lines. */
constexpr std::int64_t kSpare = 16;

at::Tensor tile_places(std::int64_t channels) {
  return at::empty({kTilePlaces, kTilesAtOnce * channels + kSpare});
}

}  // namespace

Convolution::Convolution(const PaddedMap& map, std::int64_t in, std::int64_t out)
    : map_(map), in_(in), out_(out), inputs_(tile_places(in)), outputs_(tile_places(out)) {}

void Convolution::run(const float* padded, const at::Tensor& tile_panels, std::int64_t maps, float* pixels,
                      std::int64_t stride) {
  const std::int64_t tiles = maps * map_.tiles();
  for (std::int64_t begin = 0; begin < tiles; begin += kTilesAtOnce) {
    run(padded, tile_panels, {begin, std::min(begin + kTilesAtOnce, tiles)}, {0, out_ / kPanel}, pixels,
        stride);
  }
}

void Convolution::run(const float* padded, const at::Tensor& tile_panels, Range tiles, Range panels,
                      float* pixels, std::int64_t stride) {
  const std::int64_t apart = outputs_.stride(0);
  auto* outputs = outputs_.data_ptr<float>();
  const auto* kernel = tile_panels.const_data_ptr<float>();
  transform(padded, tiles);
  for (std::int64_t place = 0; place < kTilePlaces; ++place) {
    const float* input = inputs_.const_data_ptr<float>() + place * inputs_.stride(0);
    for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
      kernels().multiply_panel(input, in_, kernel + (place * out_ + panel * kPanel) * in_, tiles.size(), in_,
                               outputs + place * apart + panel * kPanel, out_);
    }
  }
  const std::int64_t first = panels.begin * kPanel;
  for (std::int64_t i = 0; i < tiles.size(); ++i) {
    const MapTile tile(map_, tiles.begin + i);
    const std::int64_t pixel = (tile.map * map_.height + tile.row) * map_.width + tile.column;
    const auto left = [](std::int64_t side, std::int64_t begin) {
      return static_cast<int>(std::min<std::int64_t>(kTileStep, side - begin));
    };
    kernels().transform_back(outputs + i * out_ + first, apart, panels.size() * kPanel,
                             pixels + pixel * stride + first, stride, map_.width * stride,
                             left(map_.height, tile.row), left(map_.width, tile.column));
  }
}

void Convolution::add_kernel_gradient(const float* padded, const float* gradient, std::int64_t maps,
                                      float* places) {
  const std::int64_t tiles = maps * map_.tiles();
  const std::int64_t down = map_.padded_width();
  const std::int64_t apart = outputs_.stride(0);
  auto* outputs = outputs_.data_ptr<float>();
  for (std::int64_t begin = 0; begin < tiles; begin += kTilesAtOnce) {
    const Range range{begin, std::min(begin + kTilesAtOnce, tiles)};
    transform(padded, range);
    for (std::int64_t i = 0; i < range.size(); ++i) {
      const std::int64_t first = MapTile(map_, begin + i).corner(map_) + down + 1;
      kernels().transform_gradient(gradient + first * out_, out_, down * out_, out_, outputs + i * out_,
                                   apart);
    }
    for (std::int64_t place = 0; place < kTilePlaces; ++place) {
      const float* input = inputs_.const_data_ptr<float>() + place * inputs_.stride(0);
      for (std::int64_t panel = 0; panel < out_; panel += kPanel) {
        kernels().accumulate_outer(input, in_, in_, outputs + place * apart + panel, out_, range.size(),
                                   places + place * in_ * out_ + panel, out_);
      }
    }
  }
}

/** Transforms some tiles of the input. */
void Convolution::transform(const float* padded, Range tiles) {
  auto* inputs = inputs_.data_ptr<float>();
  for (std::int64_t i = 0; i < tiles.size(); ++i) {
    const MapTile tile(map_, tiles.begin + i);
    kernels().transform_tile(padded + tile.corner(map_) * in_, in_, map_.padded_width() * in_, in_,
                             inputs + i * in_, inputs_.stride(0));
  }
}

}  // namespace torch_tl
