#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "executors/dense_layer_parameters.h"
#include "executors/maps.h"
#include "executors/norm.h"

namespace torch_tl {

/** A dense layer's convolutions packed for the products of one pass. */
struct DenseLayerPanels {
  at::Tensor conv1;
  at::Tensor conv2;
};

/** The tensors of a layer's forward pass that its backward pass needs. */
struct DenseLayerActivations {
  at::Tensor bottleneck;  // in front of norm2, [rows, bottleneck]
  NormStatistics norm1;
  NormStatistics norm2;

  template <typename Visit>
  void each_tensor(Visit& visit) {
    visit(bottleneck);
    norm1.each_tensor(visit);
    norm2.each_tensor(visit);
  }
};

/** The backward pass of a block, layer by layer from the last. */
class BlockBackward {
 public:
  /**
   * `maps` are the block's output and `channels` its statistics over the batch. `gradient` is that of all
   * maps, and is overwritten. `precision` is that of conv1's products.
   */
  BlockBackward(Maps maps, NormStatistics channels, Maps gradient, std::vector<DenseLayerParameters> layers,
                at::ScalarType precision);

  /** Computes the gradients of a layer's parameters, and adds to the gradient of the channels it reads. */
  DenseLayerParameters run(std::int64_t layer, const DenseLayerActivations& activations);

  /** The gradient of the block's input, its first `in` channels, once all layers have run. */
  at::Tensor input(std::int64_t in);

 private:
  /** The gradient that these channels get through the mean and variance of the norms that read them. */
  NormGradient through_statistics(std::int64_t begin, std::int64_t channels) const;
  /**
   * The gradient of norm2's output where relu2 lets it through, [rows, bottleneck]. Sets conv2's gradient,
   * and adds to the sums that norm2's gradients need.
   */
  at::Tensor differentiate_conv2(std::int64_t layer, const NormRelu& norm2,
                                 const DenseLayerActivations& activations, at::Tensor& conv2_gradient,
                                 ChannelSums& sums) const;
  /**
   * Adds to the gradient of the channels that the layer reads, from the gradient `dy` that
   * differentiate_conv2 returns. Sets conv1's gradient, and adds to the sums that norm1's gradients need.
   */
  void differentiate_conv1(std::int64_t layer, const ScaleAndShift& norm1,
                           const DenseLayerActivations& activations, const at::Tensor& dy,
                           const NormGradient& norm2_gradient, at::Tensor& conv1_gradient,
                           ChannelSums& sums) const;

  Maps maps_;
  NormStatistics channels_;
  Maps gradient_;
  std::vector<DenseLayerParameters> layers_;
  at::ScalarType precision_;
  std::vector<DenseLayerPanels> panels_;  // of the layers, for the gradients of the convolutions' inputs
  // Per channel, the sum of what all norm1s have added to the gradient so far, and the sum of that times the
  // normalised channel: float64 [2, channels].
  at::Tensor sums_;
};

}  // namespace torch_tl
