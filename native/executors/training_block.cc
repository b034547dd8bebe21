#include "executors/training_block.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "executors/block_backward.h"
#include "executors/convolution.h"
#include "executors/dense_layer_parameters.h"
#include "executors/maps.h"
#include "executors/packed.h"
#include "executors/padded_map.h"
#include "executors/saved_tensors.h"
#include "executors/staged_rows.h"
#include "executors/threads.h"

namespace torch_tl {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/** A layer's maps in front of norm2, and their statistics over the batch. */
struct Bottleneck {
  at::Tensor maps;  // [rows, bottleneck]
  NormStatistics statistics;
};

/** norm1, relu1 and conv1, of the first channels of the buffer; `panels` are conv1's. */
Bottleneck make_bottleneck(const Maps& buffer, const NormRelu& norm1, const at::Tensor& panels) {
  const std::int64_t in = norm1.channels();
  const std::int64_t out = panels.size(0) * kPanel;
  const at::ScalarType precision = panels.scalar_type();
  at::Tensor maps = at::empty({buffer.rows(), out});
  const auto make = [&](const StagedRows& staged, Range rows) {
    staged.run(norm1, buffer.row(rows.begin), buffer.channels(), rows.size());
    staged.multiply(panels, rows.size(), maps.data_ptr<float>() + rows.begin * out);
  };
  make(StagedRows(in, precision), {0, 1});
  const at::Tensor pivots = maps[0].clone();
  struct Worker {
    ChannelSums sums;
    StagedRows staged;
  };
  const EvenRanges chunks = buffer.chunks();
  const auto workers = on_threads(
      chunks.count(),
      [&] {
        return Worker{ChannelSums(out), StagedRows(kRows * in, precision)};
      },
      [&](Worker& worker, std::int64_t i) {
        const Range rows = chunks[i];
        make(worker.staged, rows);
        worker.sums.add_moments(values(maps) + rows.begin * out, out, rows.size(), values(pivots));
      });
  return {maps, {total_of(workers, out, &Worker::sums).totals(), pivots, buffer.rows()}};
}

/** norm2, relu2 and conv2, of a bottleneck, to the buffer's channels from `begin` on. */
void convolve(const Maps& buffer, std::int64_t begin, const at::Tensor& bottleneck, const NormRelu& norm2,
              const at::Tensor& tile_panels) {
  const std::int64_t in = norm2.channels();
  const std::int64_t out = tile_panels.size(1) * kPanel;
  struct Worker {
    Convolution convolution;
    at::Tensor padded;
  };
  const PaddedMap map = buffer.padded();
  const EvenRanges groups = map_groups(map, buffer.images());
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

/** The tensors that the block keeps for its backward pass. */
struct SavedBlock {
  at::Tensor maps;
  NormStatistics channels;  // of the maps, over the batch
  std::vector<DenseLayerParameters> parameters;
  std::vector<DenseLayerActivations> activations;

  template <typename Visit>
  void each_tensor(Visit visit) {
    visit(maps);
    channels.each_tensor(visit);
    for (DenseLayerParameters& layer : parameters) layer.each_tensor(visit);
    for (DenseLayerActivations& layer : activations) layer.each_tensor(visit);
  }
};

/** The block as one node of autograd's graph. */
class BlockNode : public torch::autograd::Function<BlockNode> {
 public:
  /** Autograd looks for the parameters in the list; it does not look into `layers`. */
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, at::TensorList /*parameters*/,
                            const std::vector<DenseLayerTensors>& layers, at::ScalarType precision) {
    const auto count = static_cast<std::int64_t>(layers.size());
    const std::int64_t in = x.size(1);
    const std::int64_t growth = layers.front().conv2.size(0);
    const Maps buffer(x.size(0), in + growth * count, x.size(2), x.size(3));
    buffer.tensor().narrow(1, 0, in).copy_(x);
    SavedBlock saved{buffer.tensor(), statistics_of(buffer, 0, in), parameters_of(layers), {}};
    const auto panels = all_on_threads(count, [&](std::int64_t i) {
      return DenseLayerPanels{in_panels(layers[i].conv1.flatten(1).t(), precision),
                              in_tile_panels(layers[i].conv2)};
    });
    for (std::int64_t i = 0; i < count; ++i) {
      const DenseLayerTensors& layer = layers[i];
      const std::int64_t read = in + growth * i;
      const NormStatistics norm1 = training_statistics(layer.norm1, saved.channels, buffer.rows());
      const Bottleneck bottleneck = make_bottleneck(
          buffer, NormRelu(normalised(layer.norm1.weight, layer.norm1.bias, norm1)), panels[i].conv1);
      const NormStatistics norm2 = training_statistics(layer.norm2, bottleneck.statistics, buffer.rows());
      convolve(buffer, read, bottleneck.maps,
               NormRelu(normalised(layer.norm2.weight, layer.norm2.bias, norm2)), panels[i].conv2);
      saved.activations.push_back({bottleneck.maps, norm1, norm2});
      saved.channels.append(statistics_of(buffer, read, growth));
    }
    save_tensors(*context, std::move(saved));
    context->saved_data["layers"] = count;
    context->saved_data["in"] = in;
    context->saved_data["precision"] = precision;
    context->saved_data["x_requires_grad"] = x.requires_grad();
    return buffer.tensor();
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const std::int64_t count = context->saved_data["layers"].toInt();
    SavedBlock empty;
    empty.parameters.resize(count);
    empty.activations.resize(count);
    const SavedBlock saved = restore_tensors(*context, std::move(empty));
    const at::Tensor gradient = at::empty_like(saved.maps, at::MemoryFormat::ChannelsLast);
    BlockBackward backward(Maps(saved.maps), saved.channels, Maps(gradient.copy_(gradients[0])),
                           saved.parameters, context->saved_data["precision"].toScalarType());
    std::vector<DenseLayerParameters> of_layers(count);
    for (std::int64_t i = count - 1; i >= 0; --i) of_layers[i] = backward.run(i, saved.activations[i]);
    const bool of_x = context->saved_data["x_requires_grad"].toBool();
    variable_list results{of_x ? backward.input(context->saved_data["in"].toInt()) : at::Tensor()};
    const variable_list of_parameters = list_of(std::move(of_layers));
    results.insert(results.end(), of_parameters.begin(), of_parameters.end());
    results.resize(results.size() + 2);  // none for `layers` and `precision`, which are no tensors
    return results;
  }
};

}  // namespace

at::Tensor run_training(const std::vector<DenseLayerTensors>& layers, at::ScalarType precision,
                        const at::Tensor& x) {
  const variable_list parameters = list_of(parameters_of(layers));
  return BlockNode::apply(x, at::TensorList(parameters), layers, precision);
}

}  // namespace torch_tl
