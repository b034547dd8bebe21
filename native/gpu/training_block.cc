#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "executors/dense_layer_parameters.h"
#include "executors/saved_tensors.h"
#include "gpu/block_backward.h"
#include "gpu/convolutions.h"
#include "gpu/maps.h"
#include "gpu/node_state.h"
#include "gpu/prepared.h"
#include "gpu/training.h"

namespace torch_tl::gpu {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/** The tensors that the block keeps for its backward pass. */
struct SavedBlock {
  at::Tensor maps;
  at::Tensor moments;  // [2, channels]
  std::vector<DenseLayerParameters> parameters;
  std::vector<DenseLayerActivations> activations;

  template <typename Visit>
  void each_tensor(Visit visit) {
    visit(maps);
    visit(moments);
    for (DenseLayerParameters& layer : parameters) layer.each_tensor(visit);
    for (DenseLayerActivations& layer : activations) layer.each_tensor(visit);
  }
};

struct BlockState : NodeState {
  BlockState(const Primitives& primitives_, MapShape shape_, std::int64_t layers_, std::int64_t in_,
             bool x_requires_grad_)
      : NodeState(primitives_, shape_), layers(layers_), in(in_), x_requires_grad(x_requires_grad_) {}

  std::int64_t layers;
  std::int64_t in;
  bool x_requires_grad;
};

/** The layers' convolutions in this precision: conv1 as [bottleneck, in] and conv2, layer by layer. */
std::vector<at::Tensor> convolutions_of(const Primitives& primitives,
                                        const std::vector<DenseLayerTensors>& layers,
                                        at::ScalarType precision) {
  std::vector<ScaledWeight> weights;
  for (const DenseLayerTensors& layer : layers) weights.insert(weights.end(), {{layer.conv1}, {layer.conv2}});
  std::vector<at::Tensor> packed = pack(primitives, weights, precision);
  for (std::size_t i = 0; i < packed.size(); i += 2) packed[i] = packed[i].flatten(1);
  return packed;
}

/** The block as one node of autograd's graph. */
class BlockNode : public torch::autograd::Function<BlockNode> {
 public:
  /** Autograd looks for the parameters in the list; it does not look into `layers`. */
  static variable_list forward(AutogradContext* context, const at::Tensor& x, at::TensorList /*parameters*/,
                               const std::vector<DenseLayerTensors>& layers, const Primitives& primitives) {
    const auto count = static_cast<std::int64_t>(layers.size());
    const MapShape shape = shape_of(x);
    const std::int64_t in = x.size(1);
    const std::int64_t growth = layers.front().conv2.size(0);
    const at::Tensor buffer = at::empty({shape.rows(), in + growth * count}, x.options());
    const at::Tensor moments = at::empty({2, buffer.size(1)}, x.options().dtype(at::kFloat));
    primitives.place(rows_of(x), buffer.narrow(1, 0, in), moments.narrow(1, 0, in));
    const std::vector<at::Tensor> convolutions = convolutions_of(primitives, layers, x.scalar_type());
    SavedBlock saved{maps_of(buffer, shape), moments, parameters_of(layers), {}};
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t read = in + growth * i;
      DenseLayerActivations& layer = saved.activations.emplace_back();
      layer.conv1 = convolutions[2 * i];
      layer.conv2 = convolutions[2 * i + 1];
      layer.norm1 = in_training(primitives, layers[i].norm1, moments.narrow(1, 0, read), shape.rows());
      const at::Tensor input = at::empty({shape.rows(), read}, x.options());
      primitives.scale_shift_relu(buffer.narrow(1, 0, read), layer.norm1, input);
      layer.bottleneck = at::empty({shape.rows(), layer.conv1.size(0)}, x.options());
      primitives.multiply(input, layer.conv1.t(), layer.bottleneck);
      layer.norm2 = norm2_of(primitives, layers[i].norm2, layer.bottleneck);
      const at::Tensor activated = at::empty_like(layer.bottleneck);
      primitives.scale_shift_relu(layer.bottleneck, layer.norm2, activated);
      const at::Tensor y = primitives.convolve(maps_of(activated, shape), layer.conv2, kConv2);
      primitives.place(rows_of(y), buffer.narrow(1, read, growth), moments.narrow(1, read, growth));
    }
    variable_list results{saved.maps, moments};
    save_tensors(*context, std::move(saved));
    save_state(*context, c10::make_intrusive<BlockState>(primitives, shape, count, in, x.requires_grad()));
    return results;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto& state = dynamic_cast<const BlockState&>(state_of(*context));
    SavedBlock empty;
    empty.parameters.resize(state.layers);
    empty.activations.resize(state.layers);
    const SavedBlock saved = restore_tensors(*context, std::move(empty));
    const at::Tensor rows = rows_of(saved.maps);
    // Copies, since both are added to.
    const at::Tensor gradient =
        at::empty_like(rows).copy_(gradients[0].permute({0, 2, 3, 1}).reshape_as(rows));
    BlockBackward backward(state.primitives, state.shape, rows, saved.moments, gradient,
                           gradients[1].clone());
    std::vector<DenseLayerParameters> of_layers(state.layers);
    for (std::int64_t i = state.layers - 1; i >= 0; --i) {
      of_layers[i] = backward.run(saved.parameters[i], saved.activations[i]);
    }
    variable_list results{state.x_requires_grad ? maps_of(backward.input(state.in), state.shape)
                                                : at::Tensor()};
    const variable_list of_parameters = list_of(std::move(of_layers));
    results.insert(results.end(), of_parameters.begin(), of_parameters.end());
    results.resize(results.size() + 2);  // none for `layers` and `primitives`, which are no tensors
    return results;
  }

 private:
  /** norm2 over the bottleneck, whose moments are only computed if it trains. */
  static at::Tensor norm2_of(const Primitives& primitives, const NormTensors& norm,
                             const at::Tensor& bottleneck) {
    at::Tensor moments;
    if (trains(norm)) {
      moments = at::empty({2, bottleneck.size(1)}, bottleneck.options().dtype(at::kFloat));
      primitives.place(bottleneck, /*y=*/{}, moments);
    }
    return in_training(primitives, norm, moments, bottleneck.size(0));
  }
};

}  // namespace

Maps run_training(const Primitives& primitives, const std::vector<DenseLayerTensors>& layers,
                  const at::Tensor& x) {
  const variable_list parameters = list_of(parameters_of(layers));
  const variable_list results = BlockNode::apply(x, at::TensorList(parameters), layers, primitives);
  return {results[0], results[1]};
}

}  // namespace torch_tl::gpu
