#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "executors/layer_tensors.h"

namespace torch_tl {

/** A dense layer's weights, prepared for the inference executor. */
struct InferenceDense {
  /** Panels of the weight for some of the inputs each; outputs of 0 fill the last ones. */
  std::vector<at::Tensor> panels;
  at::Tensor bias;  // float32 [out]
};

InferenceDense prepare_inference(const DenseTensors& layer, at::ScalarType precision);

/**
 * Computes a dense layer on a CPU, in the precision of x, for which it was prepared: [n, in] -> [n, out].
 * Products are summed in float32. The values of a row depend neither on the other rows nor on the number of
 * threads, while LibTorch's products round by the number of rows.
 */
at::Tensor run_inference(const InferenceDense& layer, const at::Tensor& x);

}  // namespace torch_tl
