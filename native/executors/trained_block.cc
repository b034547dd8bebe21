#include "executors/trained_block.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <utility>

#include "executors/convolution.h"
#include "executors/maps.h"
#include "executors/packed.h"
#include "executors/threads.h"
#include "kernels/product.h"
#include "kernels/rows.h"
#include "kernels/winograd.h"

namespace torch_tl {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/** The parameters of a layer, in the order in which the graph's node takes them. */
struct Parameters {
  static constexpr std::int64_t kCount = 6;
  at::Tensor norm1_weight, norm1_bias, conv1, norm2_weight, norm2_bias, conv2;

  static Parameters of(at::TensorList list, std::int64_t layer) {
    const at::TensorList own = list.slice(layer * kCount, kCount);
    return {own[0], own[1], own[2], own[3], own[4], own[5]};
  }
  void append_to(variable_list& list) const {
    list.insert(list.end(), {norm1_weight, norm1_bias, conv1, norm2_weight, norm2_bias, conv2});
  }
};

/** What the backward pass needs of a layer besides. */
struct Bottleneck {
  static constexpr std::int64_t kCount = 3;
  at::Tensor maps;  // [rows, bottleneck], in front of norm2
  BatchStatistics statistics;

  static Bottleneck of(at::TensorList list, std::int64_t layer) {
    const at::TensorList own = list.slice(layer * kCount, kCount);
    return {own[0], {own[1], own[2]}};
  }
  void append_to(variable_list& list) const {
    list.insert(list.end(), {maps, statistics.mean, statistics.variance});
  }
};

/** norm1, relu1, conv1: the first channels of the buffer to a bottleneck. */
Bottleneck make_bottleneck(const Maps& buffer, const NormRelu& norm1, const at::Tensor& conv1) {
  const std::int64_t in = conv1.size(1);
  const std::int64_t out = conv1.size(0);
  const at::Tensor panels = in_panels(conv1.flatten(1).t());
  at::Tensor maps = at::empty({buffer.rows(), out});
  struct Worker {
    ChannelSums sums;
    at::Tensor staged;
  };
  const auto make = [&](float* staged, std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      norm1.run(buffer.row(row), staged + (row - begin) * in);
    }
    multiply(staged, panels, end - begin, maps.data_ptr<float>() + begin * out);
  };
  const at::Tensor first = at::empty({in});
  make(first.data_ptr<float>(), 0, 1);
  const at::Tensor pivots = maps[0].clone();
  const float* pivot = values(pivots);
  const auto workers = on_threads(
      buffer.chunks(),
      [&] {
        return Worker{ChannelSums(out), at::empty({kRows, in})};
      },
      [&](Worker& worker, std::int64_t chunk) {
        const std::int64_t begin = chunk * kRows;
        const std::int64_t end = std::min(buffer.rows(), begin + kRows);
        make(worker.staged.data_ptr<float>(), begin, end);
        for (std::int64_t row = begin; row < end; ++row) {
          add_moments(maps.data_ptr<float>() + row * out, pivot, out, worker.sums.first(),
                      worker.sums.second());
        }
        worker.sums.flush();
      });
  ChannelSums total(out);
  for (const Worker& worker : workers) total.add(worker.sums);
  return {maps, {total.totals(), pivots, buffer.rows()}};
}

/** norm2 and relu2 of a picture's rows, into the inside of a padded map. */
void pad(const PaddedMap& map, const NormRelu& norm2, const float* rows, float* padded) {
  const std::int64_t channels = norm2.channels();
  for (std::int64_t pixel = 0; pixel < map.height * map.width; ++pixel) {
    norm2.run(rows + pixel * channels, padded + map.place(pixel) * channels);
  }
}

/** norm2, relu2, conv2: a bottleneck to the buffer's next channels, from `begin`. */
void convolve(const Maps& buffer, std::int64_t begin, const at::Tensor& bottleneck, const NormRelu& norm2,
              const at::Tensor& conv2) {
  const std::int64_t in = conv2.size(1);
  const at::Tensor kernels = in_tile_panels(conv2);
  struct Worker {
    Convolution convolution;
    at::Tensor padded;
  };
  const PaddedMap map = buffer.padded();
  on_threads(
      buffer.pictures(),
      [&] {
        return Worker{{map, in, conv2.size(0)}, at::zeros({map.pixels(), in})};
      },
      [&](Worker& worker, std::int64_t picture) {
        auto* padded = worker.padded.data_ptr<float>();
        const std::int64_t row = picture * buffer.pixels();
        pad(map, norm2, values(bottleneck) + row * in, padded);
        worker.convolution.run(padded, kernels, buffer.row(row) + begin, buffer.channels());
      });
}

/** The backward pass, layer by layer from the last. */
class Backward {
 public:
  /** `gradient` is that of the whole buffer, and is overwritten. */
  Backward(Maps maps, BatchStatistics channels, Maps gradient)
      : maps_(std::move(maps)),
        channels_(std::move(channels)),
        gradient_(std::move(gradient)),
        sums_(at::zeros({2, maps_.channels()}, at::kDouble)) {}

  /** The gradients of a layer's parameters; `in` is how many channels it reads. */
  Parameters run(const Parameters& layer, const Bottleneck& bottleneck, std::int64_t in) {
    Parameters gradients;
    const ScaleAndShift norm2 = trained(layer.norm2_weight, layer.norm2_bias, bottleneck.statistics);
    ChannelSums sums(bottleneck.maps.size(1));
    const at::Tensor dy =
        differentiate_conv2(layer.conv2, NormRelu(norm2), bottleneck, in, gradients.conv2, sums);
    const NormSums sums2(sums, bottleneck.statistics);
    gradients.norm2_weight = sums2.weight;
    gradients.norm2_bias = sums2.bias;
    const at::Tensor scaled = sums2.totals.mul(norm2.scale);
    const NormGradient to_bottleneck(norm2.scale, bottleneck.statistics, scaled[0], scaled[1], maps_.rows());

    const BatchStatistics statistics1 = channels_.narrow(0, in);
    const ScaleAndShift norm1 = trained(layer.norm1_weight, layer.norm1_bias, statistics1);
    sums = ChannelSums(in);
    differentiate_conv1(layer.conv1, norm1, bottleneck.maps, dy, to_bottleneck, gradients.conv1, sums);
    const NormSums sums1(sums, statistics1);
    gradients.norm1_weight = sums1.weight;
    gradients.norm1_bias = sums1.bias;
    sums_.narrow(1, 0, in).add_(sums1.totals.mul(norm1.scale));
    return gradients;
  }

  /** The gradient of the block's input, its first channels, when all layers have run. */
  at::Tensor input(std::int64_t in) {
    const NormGradient through_statistics = this->through_statistics(0, in);
    Maps dx(maps_.pictures(), in, maps_.height(), maps_.width());
    at::parallel_for(0, maps_.rows(), kRows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        through_statistics.run(gradient_.row(row), maps_.row(row), dx.row(row));
      }
    });
    return dx.tensor();
  }

 private:
  /** What the norms that read these channels do through their mean and variance. */
  NormGradient through_statistics(std::int64_t begin, std::int64_t channels) const {
    const at::Tensor sums = sums_.narrow(1, begin, channels);
    return {at::ones({channels}), channels_.narrow(begin, channels), sums[0], sums[1], maps_.rows()};
  }

  /** Gives the gradient behind norm2, [rows, bottleneck], with the sums that its norm needs. */
  at::Tensor differentiate_conv2(const at::Tensor& conv2, const NormRelu& norm2, const Bottleneck& bottleneck,
                                 std::int64_t begin, at::Tensor& kernels_gradient, ChannelSums& sums) const {
    const std::int64_t out = conv2.size(0);
    const std::int64_t in = conv2.size(1);
    const PaddedMap map = maps_.padded();
    const at::Tensor turned = in_tile_panels(conv2.transpose(0, 1).flip({2, 3}));
    const NormGradient through_statistics = this->through_statistics(begin, out);
    at::Tensor dy = at::empty({maps_.rows(), in});
    const float* mean2 = values(bottleneck.statistics.mean);
    struct Worker {
      Convolution convolution;  // of the input, whose kernels' gradient it adds up
      Convolution transposed;   // of the gradient
      at::Tensor input;         // [map.pixels(), in]
      at::Tensor gradient;      // [map.pixels(), out]
      at::Tensor kernels;       // [kTilePlaces, in, out]
      ChannelSums sums;
    };
    const auto workers = on_threads(
        maps_.pictures(),
        [&] {
          return Worker{{map, in, out},
                        {map, out, in},
                        at::zeros({map.pixels(), in}),
                        at::zeros({map.pixels(), out}),
                        at::zeros({kTilePlaces, in, out}),
                        ChannelSums(in)};
        },
        [&](Worker& worker, std::int64_t picture) {
          const std::int64_t first = picture * maps_.pixels();
          const float* x = values(bottleneck.maps) + first * in;
          auto* input = worker.input.data_ptr<float>();
          auto* gradient = worker.gradient.data_ptr<float>();
          float* rows = dy.data_ptr<float>() + first * in;
          pad(map, norm2, x, input);
          for (std::int64_t pixel = 0; pixel < maps_.pixels(); ++pixel) {
            through_statistics.run(gradient_.row(first + pixel) + begin, maps_.row(first + pixel) + begin,
                                   gradient + map.place(pixel) * out);
          }
          worker.convolution.add_kernel_gradient(input, gradient, worker.kernels.data_ptr<float>());
          worker.transposed.run(gradient, turned, rows, in);
          for (std::int64_t pixel = 0; pixel < maps_.pixels(); ++pixel) {
            mask_and_sum(rows + pixel * in, input + map.place(pixel) * in, x + pixel * in, mean2, in,
                         worker.sums.first(), worker.sums.second());
          }
          worker.sums.flush();
        });
    at::Tensor kernels = at::zeros({kTilePlaces, in, out});
    for (const Worker& worker : workers) {
      kernels.add_(worker.kernels);
      sums.add(worker.sums);
    }
    kernels_gradient = kernel_gradient(kernels).contiguous(at::MemoryFormat::ChannelsLast);
    return dy;
  }

  /** Adds to the gradient of the channels that the layer reads. */
  void differentiate_conv1(const at::Tensor& conv1, const ScaleAndShift& norm1, const at::Tensor& bottleneck,
                           const at::Tensor& dy, const NormGradient& to_bottleneck,
                           at::Tensor& kernels_gradient, ChannelSums& sums) const {
    const std::int64_t out = conv1.size(0);
    const std::int64_t in = conv1.size(1);
    const at::Tensor panels = in_panels(conv1.flatten(1));
    const NormRelu relu1(norm1);
    const float* scale1 = values(norm1.scale);
    const float* mean1 = values(channels_.mean);
    struct Worker {
      at::Tensor input;       // [kRows, in]
      at::Tensor gradient;    // [kRows, in]
      at::Tensor bottleneck;  // its gradient, [kRows, out]
      at::Tensor kernels;     // [in, out]
      ChannelSums sums;
    };
    const auto workers = on_threads(
        maps_.chunks(),
        [&] {
          return Worker{at::empty({kRows, in}), at::empty({kRows, in}), at::empty({kRows, out}),
                        at::zeros({in, out}), ChannelSums(in)};
        },
        [&](Worker& worker, std::int64_t chunk) {
          const std::int64_t begin = chunk * kRows;
          const std::int64_t rows = std::min(maps_.rows() - begin, kRows);
          auto* input = worker.input.data_ptr<float>();
          auto* gradient = worker.gradient.data_ptr<float>();
          auto* to_input = worker.bottleneck.data_ptr<float>();
          const float* dy_rows = values(dy) + begin * out;
          const float* x_rows = values(bottleneck) + begin * out;
          for (std::int64_t row = 0; row < rows; ++row) {
            to_bottleneck.run(dy_rows + row * out, x_rows + row * out, to_input + row * out);
            relu1.run(maps_.row(begin + row), input + row * in);
          }
          for (std::int64_t panel = 0; panel < out; panel += kPanel) {
            accumulate_outer(input, in, in, to_input + panel, out, rows,
                             worker.kernels.data_ptr<float>() + panel, out);
          }
          multiply(to_input, panels, rows, gradient);
          for (std::int64_t row = 0; row < rows; ++row) {
            mask_and_sum(gradient + row * in, input + row * in, maps_.row(begin + row), mean1, in,
                         worker.sums.first(), worker.sums.second());
            add_scaled(gradient + row * in, scale1, in, gradient_.row(begin + row));
          }
          worker.sums.flush();
        });
    at::Tensor kernels = at::zeros({in, out});
    for (const Worker& worker : workers) {
      kernels.add_(worker.kernels);
      sums.add(worker.sums);
    }
    kernels_gradient = kernels.t().contiguous().view({out, in, 1, 1});
  }

  Maps maps_;
  BatchStatistics channels_;
  Maps gradient_;
  at::Tensor sums_;  // float64 [2, channels]: of what norm1s have added to the gradient, and of that times
                     // the normalised channel
};

/** The block as one node of autograd's graph. */
class BlockNode : public torch::autograd::Function<BlockNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, at::TensorList parameters,
                            const std::vector<TrainedLayer>& layers) {
    const auto count = static_cast<std::int64_t>(layers.size());
    const std::int64_t in = x.size(1);
    const std::int64_t growth = layers.front().conv2.size(0);
    const Maps buffer(x.size(0), in + growth * count, x.size(2), x.size(3));
    buffer.tensor().narrow(1, 0, in).copy_(x);
    BatchStatistics channels = statistics_of(buffer, 0, in);
    variable_list bottlenecks;
    for (std::int64_t i = 0; i < count; ++i) {
      const TrainedLayer& layer = layers[i];
      const std::int64_t read = in + growth * i;
      const Bottleneck bottleneck = make_bottleneck(
          buffer, NormRelu(trained(layer.norm1.weight, layer.norm1.bias, channels)), layer.conv1);
      convolve(buffer, read, bottleneck.maps,
               NormRelu(trained(layer.norm2.weight, layer.norm2.bias, bottleneck.statistics)), layer.conv2);
      track(layer.norm1, channels, buffer.rows());
      track(layer.norm2, bottleneck.statistics, buffer.rows());
      bottleneck.append_to(bottlenecks);
      channels.append(statistics_of(buffer, read, growth));
    }
    variable_list saved{buffer.tensor(), channels.mean, channels.variance};
    saved.insert(saved.end(), parameters.begin(), parameters.end());
    saved.insert(saved.end(), bottlenecks.begin(), bottlenecks.end());
    context->save_for_backward(std::move(saved));
    context->saved_data["in"] = in;
    context->saved_data["x"] = x.requires_grad();
    return buffer.tensor();
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const std::int64_t in = context->saved_data["in"].toInt();
    const at::TensorList rest = at::TensorList(saved).slice(3);
    const auto count = static_cast<std::int64_t>(rest.size()) / (Parameters::kCount + Bottleneck::kCount);
    const at::TensorList parameters = rest.slice(0, count * Parameters::kCount);
    const at::TensorList bottlenecks = rest.slice(count * Parameters::kCount);
    const std::int64_t growth = (saved[0].size(1) - in) / count;
    at::Tensor gradient = at::empty_like(saved[0], at::MemoryFormat::ChannelsLast);
    Backward backward(Maps(saved[0]), {saved[1], saved[2]}, Maps(gradient.copy_(gradients[0])));
    std::vector<Parameters> layers(count);
    for (std::int64_t i = count - 1; i >= 0; --i) {
      layers[i] =
          backward.run(Parameters::of(parameters, i), Bottleneck::of(bottlenecks, i), in + growth * i);
    }
    variable_list results{context->saved_data["x"].toBool() ? backward.input(in) : at::Tensor()};
    for (const Parameters& layer : layers) layer.append_to(results);
    results.emplace_back();  // the layers are no tensor
    return results;
  }
};

}  // namespace

at::Tensor run_trained(const std::vector<TrainedLayer>& layers, const at::Tensor& x) {
  variable_list parameters;
  for (const TrainedLayer& layer : layers) {
    Parameters{layer.norm1.weight, layer.norm1.bias, layer.conv1,
               layer.norm2.weight, layer.norm2.bias, layer.conv2}
        .append_to(parameters);
  }
  return BlockNode::apply(x, at::TensorList(parameters), layers);
}

}  // namespace torch_tl
