#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "executors/layer_tensors.h"
#include "model/densenet.h"
#include "model/layers.h"

namespace torch_tl {

/** The ways to run some layers, where there are executors for them. */
enum class Executor { kPlain, kInference, kTraining };

/** Whether this is a training step on x, [n, channels, ...], with more than one value per channel. */
bool is_training_step(const at::Tensor& x, const ForwardContext& context);

/** The way for some layers on x in this pass. */
Executor executor_for(const std::vector<Layer*>& layers, const at::Tensor& x, const ForwardContext& context);

/* The tensors of layers, as executors take them. */

StemTensors tensors_of(const Stem& stem);
DenseLayerTensors tensors_of(const DenseLayer& layer);
TransitionTensors tensors_of(const Transition& transition);

}  // namespace torch_tl
