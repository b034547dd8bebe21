#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "executors/layer_tensors.h"
#include "executors/norm.h"

namespace torch_tl {

/*
 * The inference executor of a dense block: computes on a CPU, in evaluation mode and without gradients, what
 * the layers of model/densenet.h compute, in fewer passes over memory. Maps are channels last.
 *
 * - The layers write into one buffer, the block's output, instead of concatenating.
 * - norm1 and its ReLU are applied to rows as they are staged for conv1's product; norm2 is folded into
 * conv1.
 * - conv2 is Winograd's F(4x4, 3x3).
 *
 * An image's values depend neither on the other images of its batch nor on the number of threads.
 */

/** A dense layer's weights, with folded norms and packed for the kernels. */
struct InferenceDenseLayer {
  NormRelu norm1;
  at::Tensor conv1;  // [panels, in, kPanel], with norm2's scale; float32 or bfloat16
  at::Tensor bias;   // [bottleneck], norm2's shift
  at::Tensor conv2;  // [kTilePlaces, panels, bottleneck, kPanel]

  /** Channels that the layer reads. */
  std::int64_t in() const { return norm1.channels(); }
};

/** `precision` is that of conv1's products. */
InferenceDenseLayer prepare_inference(const DenseLayerTensors& layer, at::ScalarType precision);

/** [n, in, h, w] -> float32 [n, in + growth * layers, h, w]; `layers` has at least one. */
at::Tensor run_inference(const std::vector<const InferenceDenseLayer*>& layers, const at::Tensor& x);

}  // namespace torch_tl
