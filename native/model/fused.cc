#include "model/fused.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "kernels/product.h"
#include "kernels/winograd.h"

namespace torch_tl {
namespace {

/** Rows that are staged for a product at a time: a multiple of a tile's six, so many that they stay in the
 * cache. */
constexpr std::int64_t kStagedRows = 48;
/** Tiles that go through the products of a convolution at a time. */
constexpr std::int64_t kTiles = 12;
/** As many pictures go through a layer together as stay in the cache. */
constexpr std::int64_t kGroupBytes = 3 << 19;

/** [rows, columns] -> [panels][rows][kPanel] */
at::Tensor in_panels(const at::Tensor& matrix) {
  return matrix.reshape({matrix.size(0), -1, kPanel}).permute({1, 0, 2}).contiguous();
}

/** [out, in, 3, 3] -> [kTilePlaces][panels][in][kPanel] */
at::Tensor in_tile_panels(const at::Tensor& kernels) {
  const at::Tensor plain = kernels.contiguous();
  const at::Tensor places = at::empty({plain.size(0), plain.size(1), kTilePlaces}, plain.options());
  for (std::int64_t i = 0; i < plain.size(0) * plain.size(1); ++i) {
    transform_kernel(plain.data_ptr<float>() + i * 9, places.data_ptr<float>() + i * kTilePlaces);
  }
  return places.reshape({-1, kPanel, plain.size(1), kTilePlaces}).permute({3, 0, 2, 1}).contiguous();
}

at::Tensor channels_last(std::int64_t n, std::int64_t channels, std::int64_t height, std::int64_t width) {
  return at::empty({n, channels, height, width}, at::TensorOptions(at::kFloat),
                   at::MemoryFormat::ChannelsLast);
}

/** c [rows, panels * kPanel] = a [rows, depth] * matrix */
void multiply(const float* a, const at::Tensor& matrix, std::int64_t rows, float* c) {
  const std::int64_t panels = matrix.size(0);
  const std::int64_t depth = matrix.size(1);
  const auto* panel = matrix.const_data_ptr<float>();
  for (std::int64_t i = 0; i < panels; ++i) {
    multiply_panel(a, depth, panel + i * depth * kPanel, rows, depth, c + i * kPanel, panels * kPanel);
  }
}

/** Runs a block's layers over a few pictures, with the memory that it takes between them. */
class GroupRunner {
 public:
  GroupRunner(const std::vector<FusedLayer>& layers, const at::Tensor& maps, std::int64_t group)
      : layers_(layers),
        height_(maps.size(2)),
        width_(maps.size(3)),
        channels_(maps.size(1)),
        bottleneck_(layers.front().bias.size(0)),
        growth_(layers.front().conv2.size(1) * kPanel),
        tile_columns_((width_ + 1) / 2),
        tile_rows_((height_ + 1) / 2),
        padded_width_(2 * tile_columns_ + 2),
        padded_pixels_((2 * tile_rows_ + 2) * padded_width_),
        staged_(at::empty({kStagedRows, channels_})),
        product_(at::empty({kStagedRows, bottleneck_})),
        padded_(at::zeros({group, padded_pixels_, bottleneck_})),
        tiles_(at::empty({kTilePlaces, kTiles, bottleneck_})),
        products_(at::empty({kTilePlaces, kTiles, growth_})) {}

  /** `maps` are the pictures' [pixels][channels], of which the block's input is there. */
  void run(float* maps, std::int64_t pictures) {
    for (const FusedLayer& layer : layers_) {
      make_bottleneck(layer, maps, pictures);
      for (std::int64_t i = 0; i < pictures; ++i) {
        convolve(layer, padded_.data_ptr<float>() + i * padded_pixels_ * bottleneck_,
                 maps + i * height_ * width_ * channels_ + layer.in());
      }
    }
  }

 private:
  void make_bottleneck(const FusedLayer& layer, const float* maps, std::int64_t pictures) {
    const std::int64_t pixels = pictures * height_ * width_;
    const std::int64_t in = layer.in();
    auto* staged = staged_.data_ptr<float>();
    auto* product = product_.data_ptr<float>();
    for (std::int64_t begin = 0; begin < pixels; begin += kStagedRows) {
      const std::int64_t rows = std::min(kStagedRows, pixels - begin);
      for (std::int64_t row = 0; row < rows; ++row) {
        scale_shift_relu(maps + (begin + row) * channels_, layer.norm1.scale.const_data_ptr<float>(),
                         layer.norm1.shift.const_data_ptr<float>(), in, staged + row * in);
      }
      multiply(staged, layer.conv1, rows, product);
      for (std::int64_t row = 0; row < rows; ++row) {
        bias_relu(product + row * bottleneck_, layer.bias.const_data_ptr<float>(), bottleneck_,
                  padded_pixel(begin + row));
      }
    }
  }

  /** Where a pixel of the group lies inside the border of zeros. */
  float* padded_pixel(std::int64_t pixel) {
    const std::int64_t picture = pixel / (height_ * width_);
    const std::int64_t place = pixel % (height_ * width_);
    const std::int64_t padded =
        picture * padded_pixels_ + (place / width_ + 1) * padded_width_ + place % width_ + 1;
    return padded_.data_ptr<float>() + padded * bottleneck_;
  }

  void convolve(const FusedLayer& layer, const float* padded, float* maps) {
    const std::int64_t count = tile_rows_ * tile_columns_;
    auto* tiles = tiles_.data_ptr<float>();
    auto* products = products_.data_ptr<float>();
    const std::int64_t panels = growth_ / kPanel;
    for (std::int64_t begin = 0; begin < count; begin += kTiles) {
      const std::int64_t some = std::min(kTiles, count - begin);
      for (std::int64_t i = 0; i < some; ++i) {
        const std::int64_t row = (begin + i) / tile_columns_;
        const std::int64_t column = (begin + i) % tile_columns_;
        transform_tile(padded + (2 * row * padded_width_ + 2 * column) * bottleneck_, bottleneck_,
                       padded_width_ * bottleneck_, bottleneck_, tiles + i * bottleneck_,
                       kTiles * bottleneck_);
      }
      for (std::int64_t place = 0; place < kTilePlaces; ++place) {
        for (std::int64_t panel = 0; panel < panels; ++panel) {
          multiply_panel(
              tiles + place * kTiles * bottleneck_, bottleneck_,
              layer.conv2.const_data_ptr<float>() + (place * panels + panel) * bottleneck_ * kPanel, some,
              bottleneck_, products + place * kTiles * growth_ + panel * kPanel, growth_);
        }
      }
      for (std::int64_t i = 0; i < some; ++i) {
        const std::int64_t row = 2 * ((begin + i) / tile_columns_);
        const std::int64_t column = 2 * ((begin + i) % tile_columns_);
        transform_back(products + i * growth_, kTiles * growth_, growth_,
                       maps + (row * width_ + column) * channels_, channels_, width_ * channels_,
                       row + 1 < height_ ? 2 : 1, column + 1 < width_ ? 2 : 1);
      }
    }
  }

  const std::vector<FusedLayer>& layers_;
  std::int64_t height_;
  std::int64_t width_;
  std::int64_t channels_;
  std::int64_t bottleneck_;
  std::int64_t growth_;
  std::int64_t tile_columns_;
  std::int64_t tile_rows_;
  std::int64_t padded_width_;
  std::int64_t padded_pixels_;
  at::Tensor staged_;    // [kStagedRows, in]
  at::Tensor product_;   // [kStagedRows, bottleneck]
  at::Tensor padded_;    // [group, padded pixels, bottleneck]; its border stays 0
  at::Tensor tiles_;     // [kTilePlaces, kTiles, bottleneck]
  at::Tensor products_;  // [kTilePlaces, kTiles, growth]
};

}  // namespace

FusedLayer::FusedLayer(ScaleAndShift norm1_, const at::Tensor& conv1_, const ScaleAndShift& norm2,
                       const at::Tensor& conv2_)
    : norm1(std::move(norm1_)),
      conv1(in_panels(conv1_.flatten(1).t().mul(norm2.scale))),
      bias(norm2.shift),
      conv2(in_tile_panels(conv2_)) {}

at::Tensor run_fused(const std::vector<FusedLayer>& layers, const at::Tensor& x) {
  const std::int64_t growth = layers.front().conv2.size(1) * kPanel;
  const std::int64_t channels = x.size(1) + growth * static_cast<std::int64_t>(layers.size());
  at::Tensor maps = channels_last(x.size(0), channels, x.size(2), x.size(3));
  maps.narrow(1, 0, x.size(1)).copy_(x);
  const std::int64_t size = channels * x.size(2) * x.size(3);
  const std::int64_t group =
      std::clamp<std::int64_t>(kGroupBytes / (size * static_cast<std::int64_t>(sizeof(float))), 1, x.size(0));
  const std::int64_t groups = (x.size(0) + group - 1) / group;
  at::parallel_for(0, groups, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_grad;
    GroupRunner runner(layers, maps, group);
    for (std::int64_t i = begin; i < end; ++i) {
      runner.run(maps.data_ptr<float>() + i * group * size, std::min(group, x.size(0) - i * group));
    }
  });
  return maps;
}

FusedTransition::FusedTransition(ScaleAndShift norm_, const at::Tensor& conv_)
    : norm(std::move(norm_)), conv(in_panels(conv_.flatten(1).t())) {}

at::Tensor run_fused(const FusedTransition& transition, const at::Tensor& x) {
  const std::int64_t in = x.size(1);
  const std::int64_t width = x.size(3);
  const std::int64_t out = transition.conv.size(0) * kPanel;
  const std::int64_t half_width = width / 2;
  const std::int64_t half_height = x.size(2) / 2;
  const at::Tensor maps = x.contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor result = channels_last(x.size(0), out, half_height, half_width);
  const std::int64_t pixels = x.size(0) * half_height * half_width;
  at::parallel_for(0, (pixels + kStagedRows - 1) / kStagedRows, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_grad;
    at::Tensor staged = at::empty({kStagedRows, in});
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t rows = std::min(kStagedRows, pixels - i * kStagedRows);
      for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t pixel = i * kStagedRows + row;
        const std::int64_t line = pixel / half_width;  // over all pictures
        const std::int64_t picture = line / half_height;
        const std::int64_t y = picture * x.size(2) + 2 * (line % half_height);
        pooled_scale_shift_relu(maps.const_data_ptr<float>() + (y * width + 2 * (pixel % half_width)) * in,
                                in, width * in, transition.norm.scale.const_data_ptr<float>(),
                                transition.norm.shift.const_data_ptr<float>(), in,
                                staged.data_ptr<float>() + row * in);
      }
      multiply(staged.const_data_ptr<float>(), transition.conv, rows,
               result.data_ptr<float>() + i * kStagedRows * out);
    }
  });
  return result;
}

}  // namespace torch_tl
