#include "executors/fused_block.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "executors/convolution.h"
#include "executors/maps.h"
#include "executors/packed.h"
#include "kernels/product.h"
#include "kernels/rows.h"

namespace torch_tl {
namespace {

/** As many pictures go through a layer together as stay in the cache. */
constexpr std::int64_t kGroupBytes = 3 << 19;

/** Runs a block's layers over a few pictures, with the memory that it takes between them. */
class GroupRunner {
 public:
  GroupRunner(const std::vector<FusedLayer>& layers, const Maps& maps, std::int64_t group)
      : layers_(layers),
        map_(maps.padded()),
        channels_(maps.channels()),
        bottleneck_(layers.front().bias.size(0)),
        staged_(at::empty({kRows, channels_})),
        product_(at::empty({kRows, bottleneck_})),
        padded_(at::zeros({group, map_.pixels(), bottleneck_})),
        convolution_(map_, bottleneck_, layers.front().conv2.size(1) * kPanel) {}

  /** `maps` are the pictures' [pixels][channels], of which the block's input is there. */
  void run(float* maps, std::int64_t pictures) {
    for (const FusedLayer& layer : layers_) {
      make_bottleneck(layer, maps, pictures);
      for (std::int64_t i = 0; i < pictures; ++i) {
        convolution_.run(padded_.data_ptr<float>() + i * map_.pixels() * bottleneck_, layer.conv2,
                         maps + i * pixels() * channels_ + layer.in(), channels_);
      }
    }
  }

 private:
  std::int64_t pixels() const { return map_.height * map_.width; }

  void make_bottleneck(const FusedLayer& layer, const float* maps, std::int64_t pictures) {
    const std::int64_t pixels = pictures * this->pixels();
    const std::int64_t in = layer.in();
    auto* staged = staged_.data_ptr<float>();
    auto* product = product_.data_ptr<float>();
    const float* bias = values(layer.bias);
    for (std::int64_t begin = 0; begin < pixels; begin += kRows) {
      const std::int64_t rows = std::min(kRows, pixels - begin);
      for (std::int64_t row = 0; row < rows; ++row) {
        layer.norm1.run(maps + (begin + row) * channels_, staged + row * in);
      }
      multiply(staged, layer.conv1, rows, product);
      for (std::int64_t row = 0; row < rows; ++row) {
        bias_relu(product + row * bottleneck_, bias, bottleneck_, padded_pixel(begin + row));
      }
    }
  }

  /** Where a pixel of the group lies inside the border of zeros. */
  float* padded_pixel(std::int64_t pixel) {
    const std::int64_t padded = pixel / pixels() * map_.pixels() + map_.place(pixel % pixels());
    return padded_.data_ptr<float>() + padded * bottleneck_;
  }

  const std::vector<FusedLayer>& layers_;
  PaddedMap map_;
  std::int64_t channels_;
  std::int64_t bottleneck_;
  at::Tensor staged_;   // [kRows, in]
  at::Tensor product_;  // [kRows, bottleneck]
  at::Tensor padded_;   // [group, padded pixels, bottleneck]; its border stays 0
  Convolution convolution_;
};

}  // namespace

FusedLayer::FusedLayer(NormRelu norm1_, const at::Tensor& conv1_, const ScaleAndShift& norm2,
                       const at::Tensor& conv2_)
    : norm1(std::move(norm1_)),
      conv1(in_panels(conv1_.flatten(1).t().mul(norm2.scale))),
      bias(norm2.shift),
      conv2(in_tile_panels(conv2_)) {}

at::Tensor run_fused(const std::vector<FusedLayer>& layers, const at::Tensor& x) {
  const std::int64_t growth = layers.front().conv2.size(1) * kPanel;
  const std::int64_t channels = x.size(1) + growth * static_cast<std::int64_t>(layers.size());
  const Maps maps(x.size(0), channels, x.size(2), x.size(3));
  maps.tensor().narrow(1, 0, x.size(1)).copy_(x);
  const std::int64_t bytes = channels * maps.pixels() * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t group = std::clamp<std::int64_t>(kGroupBytes / bytes, 1, maps.pictures());
  const std::int64_t groups = (maps.pictures() + group - 1) / group;
  at::parallel_for(0, groups, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_grad;
    GroupRunner runner(layers, maps, group);
    for (std::int64_t i = begin; i < end; ++i) {
      runner.run(maps.row(i * group * maps.pixels()), std::min(group, maps.pictures() - i * group));
    }
  });
  return maps.tensor();
}

}  // namespace torch_tl
