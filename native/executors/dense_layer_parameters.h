#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdint>
#include <vector>

#include "executors/layer_tensors.h"

namespace torch_tl {

/** The parameters of a dense layer, or their gradients; those of frozen layers may be undefined. */
struct DenseLayerParameters {
  at::Tensor norm1_weight;
  at::Tensor norm1_bias;
  at::Tensor conv1;  // [bottleneck, in, 1, 1]
  at::Tensor norm2_weight;
  at::Tensor norm2_bias;
  at::Tensor conv2;  // [growth, bottleneck, 3, 3]

  /** Channels that the layer reads. */
  std::int64_t in() const { return conv1.size(1); }

  template <typename Visit>
  void each_tensor(Visit& visit) {
    visit(norm1_weight);
    visit(norm1_bias);
    visit(conv1);
    visit(norm2_weight);
    visit(norm2_bias);
    visit(conv2);
  }
};

/**
 * All parameters as the list that the node's `forward` takes and for which its `backward` returns gradients.
 */
inline torch::autograd::variable_list list_of(std::vector<DenseLayerParameters> layers) {
  torch::autograd::variable_list list;
  const auto append = [&list](at::Tensor& tensor) { list.push_back(tensor); };
  for (DenseLayerParameters& layer : layers) layer.each_tensor(append);
  return list;
}

inline std::vector<DenseLayerParameters> parameters_of(const std::vector<DenseLayerTensors>& layers) {
  std::vector<DenseLayerParameters> parameters;
  parameters.reserve(layers.size());
  for (const DenseLayerTensors& layer : layers) {
    parameters.push_back({.norm1_weight = layer.norm1.weight,
                          .norm1_bias = layer.norm1.bias,
                          .conv1 = layer.conv1,
                          .norm2_weight = layer.norm2.weight,
                          .norm2_bias = layer.norm2.bias,
                          .conv2 = layer.conv2});
  }
  return parameters;
}

}  // namespace torch_tl
