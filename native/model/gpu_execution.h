#pragma once

#include <ATen/core/Tensor.h>

#include "gpu/maps.h"
#include "gpu/primitives.h"
#include "model/densenet.h"

namespace torch_tl {

/* The sections of the backbone by the executors for GPUs (native/gpu), or layer by layer where none fits. */

/** The primitives for x in this pass; null where the executors for GPUs do not run. */
const gpu::Primitives* primitives_for(const at::Tensor& x, const ForwardContext& context);

gpu::Maps run_on_gpu(const gpu::Primitives& primitives, Stem& stem, const gpu::Maps& x,
                     const ForwardContext& context);
gpu::Maps run_on_gpu(const gpu::Primitives& primitives, DenseBlock& block, const gpu::Maps& x,
                     const ForwardContext& context);
gpu::Maps run_on_gpu(const gpu::Primitives& primitives, Transition& transition, const gpu::Maps& x,
                     const ForwardContext& context);

}  // namespace torch_tl
