#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "executors/dense_layer_parameters.h"
#include "gpu/maps.h"
#include "gpu/primitives.h"

namespace torch_tl::gpu {

/** What a dense layer's forward pass keeps for its backward pass. */
struct DenseLayerActivations {
  at::Tensor bottleneck;  // in front of norm2, [rows, bottleneck]
  at::Tensor norm1;       // [kNormRows, in]
  at::Tensor norm2;       // [kNormRows, bottleneck]
  at::Tensor conv1;       // [bottleneck, in], in the precision of the pass
  at::Tensor conv2;       // [growth, bottleneck, 3, 3], likewise

  template <typename Visit>
  void each_tensor(Visit& visit) {
    visit(bottleneck);
    visit(norm1);
    visit(norm2);
    visit(conv1);
    visit(conv2);
  }
};

/**
 * The backward pass of a block, layer by layer from the last. To a channel's gradient each layer that reads
 * it adds what goes straight through its norm1; what goes through the channel's moments is summed for all
 * these norms, and added once, where the gradient is complete: as the layer that made the channel runs, or
 * with `input`.
 */
class BlockBackward {
 public:
  /**
   * `rows` are the block's output and `moments` those of its channels. `gradient` is that of all rows, and
   * `of_moments` that of the moments; both are overwritten.
   */
  BlockBackward(const Primitives& primitives, const MapShape& shape, at::Tensor rows, at::Tensor moments,
                at::Tensor gradient, at::Tensor of_moments)
      : primitives_(primitives),
        shape_(shape),
        rows_(std::move(rows)),
        moments_(std::move(moments)),
        gradient_(std::move(gradient)),
        of_moments_(std::move(of_moments)) {}

  /** The gradients of those of the layer's parameters that train. */
  DenseLayerParameters run(const DenseLayerParameters& parameters, const DenseLayerActivations& activations);

  /** The gradient of the block's input, its first `in` channels, once all layers have run. */
  at::Tensor input(std::int64_t in) const { return complete(0, in); }

 private:
  /** The whole gradient of some channels, [rows, channels] without gaps. */
  at::Tensor complete(std::int64_t begin, std::int64_t channels) const;
  /** The gradient of norm2's input, [rows, bottleneck]; sets the gradients of norm2 and conv2. */
  at::Tensor differentiate_conv2(const DenseLayerParameters& parameters,
                                 const DenseLayerActivations& activations,
                                 DenseLayerParameters& gradients) const;
  /** From that, adds to the gradient of what the layer reads; sets the gradients of norm1 and conv1. */
  void differentiate_conv1(const DenseLayerParameters& parameters, const DenseLayerActivations& activations,
                           const at::Tensor& dy, DenseLayerParameters& gradients);

  const Primitives& primitives_;
  MapShape shape_;
  at::Tensor rows_;
  at::Tensor moments_;
  at::Tensor gradient_;
  at::Tensor of_moments_;
};

}  // namespace torch_tl::gpu
