#include "model/executor.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace torch_tl {

bool is_training_step(const at::Tensor& x, const ForwardContext& context) {
  return context.training && at::GradMode::is_enabled() && x.numel() > x.size(1);
}

Executor executor_for(const std::vector<Layer*>& layers, const at::Tensor& x, const ForwardContext& context) {
  const bool gradients = at::GradMode::is_enabled();
  const bool layers_change = (gradients || context.training) && std::ranges::any_of(layers, &Layer::trains);
  if (!layers_change && !(gradients && x.requires_grad())) return Executor::kInference;
  return is_training_step(x, context) ? Executor::kTraining : Executor::kPlain;
}

StemTensors tensors_of(const Stem& stem) { return {stem.conv0.weight(), stem.norm0.tensors()}; }

DenseLayerTensors tensors_of(const DenseLayer& layer) {
  return {layer.norm1.tensors(), layer.conv1.weight(), layer.norm2.tensors(), layer.conv2.weight()};
}

TransitionTensors tensors_of(const Transition& transition) {
  return {transition.norm.tensors(), transition.conv.weight()};
}

}  // namespace torch_tl
