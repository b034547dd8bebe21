#include "model/gpu_execution.h"

#include <c10/core/MemoryFormat.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "gpu/device_primitives.h"
#include "gpu/inference.h"
#include "gpu/training.h"
#include "model/executor.h"

namespace torch_tl {
namespace {

/** Maps that nothing but their values is known of. */
gpu::Maps maps_of(at::Tensor tensor) { return {std::move(tensor), {}}; }

at::Tensor channels_last(const at::Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

}  // namespace

const gpu::Primitives* primitives_for(const at::Tensor& x, const ForwardContext& context) {
  if (!context.allows_executors()) return nullptr;
  return context.primitives != nullptr ? context.primitives : gpu::primitives_of(x.device());
}

gpu::Maps run_on_gpu(const gpu::Primitives& primitives, Stem& stem, const gpu::Maps& x,
                     const ForwardContext& context) {
  const Executor executor = executor_for(stem.leaves(), x.tensor, context);
  if (executor == Executor::kInference) {
    return maps_of(gpu::run_inference(primitives, tensors_of(stem), channels_last(x.tensor)));
  }
  // The training executor computes no gradient for the images.
  if (executor == Executor::kTraining && !x.tensor.requires_grad()) {
    return maps_of(gpu::run_training(primitives, tensors_of(stem), channels_last(x.tensor)));
  }
  return maps_of(stem(x.tensor, context));
}

gpu::Maps run_on_gpu(const gpu::Primitives& primitives, DenseBlock& block, const gpu::Maps& x,
                     const ForwardContext& context) {
  // The frozen front by the inference executor, the layers from the first other one on as one.
  const auto first = std::ranges::find_if(block.layers, [&](DenseLayer& layer) {
    return executor_for(layer.leaves(), x.tensor, context) != Executor::kInference;
  });
  std::vector<DenseLayerTensors> front;
  for (const DenseLayer& layer : std::span(block.layers.begin(), first)) front.push_back(tensors_of(layer));
  at::Tensor maps = x.tensor;
  if (!front.empty()) maps = gpu::run_inference(primitives, front, channels_last(maps));
  if (first == block.layers.end()) return maps_of(maps);
  const std::span rest(first, block.layers.end());
  if (executor_for(rest.front().leaves(), maps, context) == Executor::kTraining) {
    std::vector<DenseLayerTensors> tensors;
    for (const DenseLayer& layer : rest) tensors.push_back(tensors_of(layer));
    return gpu::run_training(primitives, tensors, channels_last(maps));
  }
  for (DenseLayer& layer : rest) maps = layer(maps, context);
  return maps_of(maps);
}

gpu::Maps run_on_gpu(const gpu::Primitives& primitives, Transition& transition, const gpu::Maps& x,
                     const ForwardContext& context) {
  switch (executor_for(transition.leaves(), x.tensor, context)) {
    case Executor::kInference:
      return maps_of(gpu::run_inference(primitives, tensors_of(transition), channels_last(x.tensor)));
    case Executor::kTraining:
      return maps_of(gpu::run_training(primitives, tensors_of(transition), x));
    case Executor::kPlain:
      break;
  }
  return maps_of(transition(x.tensor, context));
}

}  // namespace torch_tl
