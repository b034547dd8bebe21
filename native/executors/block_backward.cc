#include "executors/block_backward.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "executors/convolution.h"
#include "executors/outer_sum.h"
#include "executors/packed.h"
#include "executors/padded_map.h"
#include "executors/staged_rows.h"
#include "executors/threads.h"
#include "kernels/kernels.h"

namespace torch_tl {

BlockBackward::BlockBackward(Maps maps, NormStatistics channels, Maps gradient,
                             std::vector<DenseLayerParameters> layers, at::ScalarType precision)
    : maps_(std::move(maps)),
      channels_(std::move(channels)),
      gradient_(std::move(gradient)),
      layers_(std::move(layers)),
      precision_(precision),
      panels_(all_on_threads(static_cast<std::int64_t>(layers_.size()),
                             [&](std::int64_t i) {
                               const DenseLayerParameters& layer = layers_[i];
                               return DenseLayerPanels{
                                   in_panels(layer.conv1.flatten(1), precision),
                                   in_tile_panels(layer.conv2.transpose(0, 1).flip({2, 3}))};
                             })),
      sums_(at::zeros({2, maps_.channels()}, at::kDouble)) {}

DenseLayerParameters BlockBackward::run(std::int64_t i, const DenseLayerActivations& activations) {
  const DenseLayerParameters& layer = layers_[i];
  const std::int64_t in = layer.in();
  DenseLayerParameters gradients;
  const ScaleAndShift norm2 = normalised(layer.norm2_weight, layer.norm2_bias, activations.norm2);
  ChannelSums sums(activations.bottleneck.size(1));
  const at::Tensor dy = differentiate_conv2(i, NormRelu(norm2), activations, gradients.conv2, sums);
  const NormSums sums2(sums, norm2, activations.norm2, layer.norm2_weight.requires_grad());
  gradients.norm2_weight = sums2.weight;
  gradients.norm2_bias = sums2.bias;
  const NormGradient norm2_gradient(norm2.scale, activations.norm2, sums2.through_statistics, maps_.rows());

  const ScaleAndShift norm1 = normalised(layer.norm1_weight, layer.norm1_bias, activations.norm1);
  sums = ChannelSums(in);
  differentiate_conv1(i, norm1, activations, dy, norm2_gradient, gradients.conv1, sums);
  const NormSums sums1(sums, norm1, activations.norm1, layer.norm1_weight.requires_grad());
  gradients.norm1_weight = sums1.weight;
  gradients.norm1_bias = sums1.bias;
  sums_.narrow(1, 0, in).add_(sums1.through_statistics);
  return gradients;
}

at::Tensor BlockBackward::input(std::int64_t in) {
  const NormGradient through_statistics = this->through_statistics(0, in);
  const Maps dx(maps_.images(), in, maps_.height(), maps_.width());
  differentiate(through_statistics, gradient_, maps_, dx);
  return dx.tensor();
}

NormGradient BlockBackward::through_statistics(std::int64_t begin, std::int64_t channels) const {
  return {at::ones({channels}), channels_.narrow(begin, channels), sums_.narrow(1, begin, channels),
          maps_.rows()};
}

at::Tensor BlockBackward::differentiate_conv2(std::int64_t layer, const NormRelu& norm2,
                                              const DenseLayerActivations& activations,
                                              at::Tensor& conv2_gradient, ChannelSums& sums) const {
  const bool trains = layers_[layer].conv2.requires_grad();
  const std::int64_t begin = layers_[layer].in();
  const std::int64_t out = layers_[layer].conv2.size(0);
  const std::int64_t in = layers_[layer].conv2.size(1);
  const PaddedMap map = maps_.padded();
  const EvenRanges groups = map_groups(map, maps_.images());
  const NormGradient through_statistics = this->through_statistics(begin, out);
  at::Tensor dy = at::empty({maps_.rows(), in});
  const float* mean2 = values(activations.norm2.mean);
  struct Worker {
    Convolution convolution;  // conv2, for the gradient of its kernels
    Convolution transposed;   // conv2 transposed, from the output's gradient to the input's
    at::Tensor input;         // conv2's, [images, map.pixels(), in]
    at::Tensor gradient;      // of conv2's output, [images, map.pixels(), out]
    at::Tensor kernels;       // gradient of conv2's kernels, [kTilePlaces, in, out]
    ChannelSums sums;
  };
  const auto workers = on_threads(
      groups.count(),
      [&] {
        return Worker{{map, in, out},
                      {map, out, in},
                      at::zeros({groups.largest(), map.pixels(), in}),
                      at::zeros({groups.largest(), map.pixels(), out}),
                      at::zeros({kTilePlaces, in, out}),
                      ChannelSums(in)};
      },
      [&](Worker& worker, std::int64_t i) {
        const Range images = groups[i];
        const std::int64_t first = images.begin * maps_.pixels();
        const std::int64_t pixels = images.size() * maps_.pixels();
        const float* x = values(activations.bottleneck) + first * in;
        auto* input = worker.input.data_ptr<float>();
        auto* gradient = worker.gradient.data_ptr<float>();
        float* rows = dy.data_ptr<float>() + first * in;
        pad(map, norm2, x, pixels, input);
        for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
          through_statistics.run(gradient_.row(first + pixel) + begin, maps_.row(first + pixel) + begin,
                                 gradient + map.place(pixel) * out);
        }
        if (trains) {
          worker.convolution.add_kernel_gradient(input, gradient, images.size(),
                                                 worker.kernels.data_ptr<float>());
        }
        worker.transposed.run(gradient, panels_[layer].conv2, images.size(), rows, in);
        for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
          kernels().mask_and_sum(rows + pixel * in, input + map.place(pixel) * in, x + pixel * in, mean2, in,
                                 worker.sums.first(), worker.sums.second());
        }
        worker.sums.flush();
      });
  at::Tensor kernels = at::zeros({kTilePlaces, in, out});
  for (const Worker& worker : workers) {
    kernels.add_(worker.kernels);
    sums.add(worker.sums);
  }
  if (trains) conv2_gradient = kernel_gradient(kernels).contiguous(at::MemoryFormat::ChannelsLast);
  return dy;
}

void BlockBackward::differentiate_conv1(std::int64_t layer, const ScaleAndShift& norm1,
                                        const DenseLayerActivations& activations, const at::Tensor& dy,
                                        const NormGradient& norm2_gradient, at::Tensor& conv1_gradient,
                                        ChannelSums& sums) const {
  const bool trains = layers_[layer].conv1.requires_grad();
  const std::int64_t in = layers_[layer].in();
  const std::int64_t out = layers_[layer].conv1.size(0);
  const NormRelu relu1(norm1);
  const float* scale1 = values(norm1.scale);
  const float* mean1 = values(activations.norm1.mean);
  struct Worker {
    at::Tensor input;       // conv1's, [kRows, in]
    at::Tensor gradient;    // of conv1's input, [kRows, in]
    at::Tensor bottleneck;  // gradient of conv1's output, [kRows, out]
    StagedRows staged;      // likewise, in conv1's precision
    OuterSum kernels;       // gradient of conv1's kernels
    ChannelSums sums;
  };
  const EvenRanges chunks = maps_.chunks();
  const auto workers = on_threads(
      chunks.count(),
      [&] {
        return Worker{at::empty({kRows, in}),
                      at::empty({kRows, in}),
                      at::empty({kRows, out}),
                      StagedRows(kRows * out, precision_),
                      OuterSum(kRows, in, out, precision_),
                      ChannelSums(in)};
      },
      [&](Worker& worker, std::int64_t i) {
        const std::int64_t begin = chunks[i].begin;
        const std::int64_t rows = chunks[i].size();
        auto* input = worker.input.data_ptr<float>();
        auto* gradient = worker.gradient.data_ptr<float>();
        auto* bottleneck = worker.bottleneck.data_ptr<float>();
        const float* dy_rows = values(dy) + begin * out;
        const float* x_rows = values(activations.bottleneck) + begin * out;
        for (std::int64_t row = 0; row < rows; ++row) {
          norm2_gradient.run(dy_rows + row * out, x_rows + row * out, bottleneck + row * out);
        }
        relu1.run(maps_.row(begin), maps_.channels(), rows, input);
        if (trains) worker.kernels.add(input, bottleneck, rows);
        worker.staged.copy(bottleneck, rows * out);
        worker.staged.multiply(panels_[layer].conv1, rows, gradient);
        for (std::int64_t row = 0; row < rows; ++row) {
          kernels().add_masked(gradient + row * in, input + row * in, maps_.row(begin + row), mean1, scale1,
                               in, worker.sums.first(), worker.sums.second(), gradient_.row(begin + row));
        }
        worker.sums.flush();
      });
  at::Tensor kernels = at::zeros({in, out});
  for (const Worker& worker : workers) {
    kernels.add_(worker.kernels.sum());
    sums.add(worker.sums);
  }
  if (trains) conv1_gradient = kernels.t().contiguous().view({out, in, 1, 1});
}

}  // namespace torch_tl
