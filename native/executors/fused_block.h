#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "executors/norm.h"

namespace torch_tl {

/*
 * A dense block in evaluation mode on a processor, without gradients: what the modules of sections.h compute,
 * in fewer passes over memory. Maps are channels last.
 *
 * - Its layers write into one buffer, its output, instead of concatenating.
 * - norm1 and its ReLU are applied to the rows of a product as they are staged for it; norm2 is folded into
 * conv1.
 * - conv2 is Winograd's F(4x4, 3x3).
 *
 * Each image's values do not depend on those beside it, nor on the number of threads.
 */

/** What a dense layer's parameters and running statistics come to, in the order in which they are read. */
struct FusedLayer {
  NormRelu norm1;
  at::Tensor conv1;  // [panels, in, kPanel], with norm2's scale
  at::Tensor bias;   // [bottleneck], norm2's shift
  at::Tensor conv2;  // [kTilePlaces, panels, bottleneck, kPanel]

  /** `conv1` is [bottleneck, in, 1, 1], `conv2` [growth, bottleneck, 3, 3]; `precision` is that of conv1's
   * products. */
  FusedLayer(NormRelu norm1, const at::Tensor& conv1, const ScaleAndShift& norm2, const at::Tensor& conv2,
             at::ScalarType precision);
  std::int64_t in() const { return norm1.channels(); }
};

/** [n, in, h, w] -> float32 [n, in + growth * layers, h, w]; there is a layer at least. */
at::Tensor run_fused(const std::vector<const FusedLayer*>& layers, const at::Tensor& x);

}  // namespace torch_tl
