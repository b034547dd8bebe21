#include "executors/trained_block.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <utility>

#include "executors/block_backward.h"
#include "executors/convolution.h"
#include "executors/maps.h"
#include "executors/packed.h"
#include "executors/padded_map.h"
#include "executors/staged_rows.h"
#include "executors/threads.h"
#include "kernels/kernels.h"

namespace torch_tl {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/** A layer's maps in front of norm2. */
struct Bottleneck {
  at::Tensor maps;  // [rows, bottleneck]
  NormStatistics statistics;
};

/** norm1, relu1, conv1: the first channels of the buffer to a bottleneck. */
Bottleneck make_bottleneck(const Maps& buffer, const NormRelu& norm1, const at::Tensor& panels) {
  const std::int64_t in = norm1.channels();
  const std::int64_t out = panels.size(0) * kPanel;
  const at::ScalarType precision = panels.scalar_type();
  at::Tensor maps = at::empty({buffer.rows(), out});
  struct Worker {
    ChannelSums sums;
    StagedRows staged;
  };
  const auto make = [&](const StagedRows& staged, Range rows) {
    for (std::int64_t i = 0; i < rows.size(); ++i) staged.run(norm1, buffer.row(rows.begin + i), i);
    staged.multiply(panels, rows.size(), maps.data_ptr<float>() + rows.begin * out);
  };
  make(StagedRows(in, precision), {0, 1});
  const at::Tensor pivots = maps[0].clone();
  const float* pivot = values(pivots);
  const EvenParts chunks = buffer.chunks();
  const auto workers = on_threads(
      chunks.count(),
      [&] {
        return Worker{ChannelSums(out), StagedRows(kRows * in, precision)};
      },
      [&](Worker& worker, std::int64_t i) {
        const Range rows = chunks[i];
        make(worker.staged, rows);
        for (std::int64_t row = rows.begin; row < rows.end; ++row) {
          kernels().add_moments(maps.data_ptr<float>() + row * out, pivot, out, worker.sums.first(),
                                worker.sums.second());
        }
        worker.sums.flush();
      });
  ChannelSums total(out);
  for (const Worker& worker : workers) total.add(worker.sums);
  return {maps, {total.totals(), pivots, buffer.rows()}};
}

/** norm2, relu2, conv2: a bottleneck to the buffer's next channels, from `begin`. */
void convolve(const Maps& buffer, std::int64_t begin, const at::Tensor& bottleneck, const NormRelu& norm2,
              const at::Tensor& tile_panels) {
  const std::int64_t in = norm2.channels();
  const std::int64_t out = tile_panels.size(1) * kPanel;
  struct Worker {
    Convolution convolution;
    at::Tensor padded;
  };
  const PaddedMap map = buffer.padded();
  const EvenParts groups = map_groups(map, buffer.images());
  on_threads(
      groups.count(),
      [&] {
        return Worker{{map, in, out}, at::zeros({groups.largest(), map.pixels(), in})};
      },
      [&](Worker& worker, std::int64_t i) {
        const Range images = groups[i];
        auto* padded = worker.padded.data_ptr<float>();
        const std::int64_t row = images.begin * buffer.pixels();
        pad(map, norm2, values(bottleneck) + row * in, images.size() * buffer.pixels(), padded);
        worker.convolution.run(padded, tile_panels, images.size(), buffer.row(row) + begin,
                               buffer.channels());
      });
}

/** The block as one node of autograd's graph. */
class BlockNode : public torch::autograd::Function<BlockNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, at::TensorList parameters,
                            const std::vector<TrainedLayer>& layers, at::ScalarType precision) {
    const auto count = static_cast<std::int64_t>(layers.size());
    const std::int64_t in = x.size(1);
    const std::int64_t growth = layers.front().conv2.size(0);
    const Maps buffer(x.size(0), in + growth * count, x.size(2), x.size(3));
    buffer.tensor().narrow(1, 0, in).copy_(x);
    NormStatistics channels = statistics_of(buffer, 0, in);
    const auto panels = all_on_threads(count, [&](std::int64_t i) {
      return LayerPanels{in_panels(layers[i].conv1.flatten(1).t(), precision),
                         in_tile_panels(layers[i].conv2)};
    });
    variable_list passes;
    for (std::int64_t i = 0; i < count; ++i) {
      const TrainedLayer& layer = layers[i];
      const std::int64_t read = in + growth * i;
      const NormStatistics norm1 = in_training(layer.norm1, channels, buffer.rows());
      const Bottleneck bottleneck = make_bottleneck(
          buffer, NormRelu(trained(layer.norm1.weight, layer.norm1.bias, norm1)), panels[i].conv1);
      const NormStatistics norm2 = in_training(layer.norm2, bottleneck.statistics, buffer.rows());
      convolve(buffer, read, bottleneck.maps, NormRelu(trained(layer.norm2.weight, layer.norm2.bias, norm2)),
               panels[i].conv2);
      LayerPass{bottleneck.maps, norm1, norm2}.append_to(passes);
      channels.append(statistics_of(buffer, read, growth));
    }
    variable_list saved{buffer.tensor(), channels.mean, channels.variance};
    saved.insert(saved.end(), parameters.begin(), parameters.end());
    saved.insert(saved.end(), passes.begin(), passes.end());
    context->save_for_backward(std::move(saved));
    context->saved_data["in"] = in;
    context->saved_data["precision"] = precision;
    context->saved_data["x"] = x.requires_grad();
    return buffer.tensor();
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const std::int64_t in = context->saved_data["in"].toInt();
    const at::TensorList rest = at::TensorList(saved).slice(3);
    const auto count = static_cast<std::int64_t>(rest.size()) / (LayerParameters::kCount + LayerPass::kCount);
    const at::TensorList parameters = rest.slice(0, count * LayerParameters::kCount);
    const at::TensorList passes = rest.slice(count * LayerParameters::kCount);
    at::Tensor gradient = at::empty_like(saved[0], at::MemoryFormat::ChannelsLast);
    std::vector<LayerParameters> layers;
    for (std::int64_t i = 0; i < count; ++i) layers.push_back(LayerParameters::of(parameters, i));
    BlockBackward backward(Maps(saved[0]), {saved[1], saved[2]}, Maps(gradient.copy_(gradients[0])),
                           std::move(layers), context->saved_data["precision"].toScalarType());
    std::vector<LayerParameters> of_layers(count);
    for (std::int64_t i = count - 1; i >= 0; --i) {
      of_layers[i] = backward.run(i, LayerPass::of(passes, i));
    }
    variable_list results{context->saved_data["x"].toBool() ? backward.input(in) : at::Tensor()};
    for (const LayerParameters& layer : of_layers) layer.append_to(results);
    results.resize(results.size() + 2);  // neither the layers nor the precision are a tensor
    return results;
  }
};

}  // namespace

at::Tensor run_trained(const std::vector<TrainedLayer>& layers, at::ScalarType precision,
                       const at::Tensor& x) {
  variable_list parameters;
  for (const TrainedLayer& layer : layers) {
    LayerParameters{layer.norm1.weight, layer.norm1.bias, layer.conv1,
                    layer.norm2.weight, layer.norm2.bias, layer.conv2}
        .append_to(parameters);
  }
  return BlockNode::apply(x, at::TensorList(parameters), layers, precision);
}

}  // namespace torch_tl
