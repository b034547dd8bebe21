#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "executors/maps.h"
#include "executors/norm.h"

namespace torch_tl {

/** The parameters of a layer, in the order in which the graph's node takes them. */
struct LayerParameters {
  static constexpr std::int64_t kCount = 6;
  at::Tensor norm1_weight, norm1_bias, conv1, norm2_weight, norm2_bias, conv2;

  static LayerParameters of(at::TensorList list, std::int64_t layer) {
    const at::TensorList own = list.slice(layer * kCount, kCount);
    return {own[0], own[1], own[2], own[3], own[4], own[5]};
  }
  /** How many channels the layer reads. */
  std::int64_t in() const { return conv1.size(1); }
  void append_to(std::vector<at::Tensor>& list) const {
    list.insert(list.end(), {norm1_weight, norm1_bias, conv1, norm2_weight, norm2_bias, conv2});
  }
};

/** A layer's kernels as a pass' products take them. */
struct LayerPanels {
  at::Tensor conv1;
  at::Tensor conv2;
};

/** What the backward pass needs of a layer besides. */
struct LayerPass {
  static constexpr std::int64_t kCount = 5;
  at::Tensor bottleneck;  // [rows, bottleneck], in front of norm2
  NormStatistics norm1;
  NormStatistics norm2;

  static LayerPass of(at::TensorList list, std::int64_t layer) {
    const at::TensorList own = list.slice(layer * kCount, kCount);
    return {own[0], {own[1], own[2]}, {own[3], own[4]}};
  }
  void append_to(std::vector<at::Tensor>& list) const {
    list.insert(list.end(), {bottleneck, norm1.mean, norm1.variance, norm2.mean, norm2.variance});
  }
};

/** The backward pass of a block, layer by layer from the last. */
class BlockBackward {
 public:
  /** `gradient` is that of the whole buffer, and is overwritten; `precision` is that of conv1's products. */
  BlockBackward(Maps maps, NormStatistics channels, Maps gradient, std::vector<LayerParameters> layers,
                at::ScalarType precision);

  /** The gradients of a layer's parameters; a frozen kernel has none. */
  LayerParameters run(std::int64_t layer, const LayerPass& pass);

  /** The gradient of the block's input, its first channels, when all layers have run. */
  at::Tensor input(std::int64_t in);

 private:
  /** What the norms that read these channels do through their mean and variance. */
  NormGradient through_statistics(std::int64_t begin, std::int64_t channels) const;
  /** Gives the gradient behind norm2, [rows, bottleneck], with the sums that its norm needs. */
  at::Tensor differentiate_conv2(std::int64_t layer, const NormRelu& norm2, const LayerPass& pass,
                                 at::Tensor& kernels_gradient, ChannelSums& sums) const;
  /** Adds to the gradient of the channels that the layer reads. */
  void differentiate_conv1(std::int64_t layer, const ScaleAndShift& norm1, const LayerPass& pass,
                           const at::Tensor& dy, const NormGradient& to_bottleneck,
                           at::Tensor& kernels_gradient, ChannelSums& sums) const;

  Maps maps_;
  NormStatistics channels_;  // over the batch
  Maps gradient_;
  std::vector<LayerParameters> layers_;
  at::ScalarType precision_;
  std::vector<LayerPanels> panels_;  // of each layer, for its inputs' gradients
  at::Tensor sums_;  // float64 [2, channels]: of what norm1s have added to the gradient, and of that times
                     // the normalised channel
};

}  // namespace torch_tl
