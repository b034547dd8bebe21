#pragma once

#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "gpu/maps.h"
#include "gpu/primitives.h"

namespace torch_tl::gpu {

/** What a node of autograd's graph keeps from its forward pass beside tensors. */
struct NodeState : torch::CustomClassHolder {
  NodeState(const Primitives& primitives_, MapShape shape_) : primitives(primitives_), shape(shape_) {}

  const Primitives& primitives;
  MapShape shape;  // of the maps that the node reads
};

inline void save_state(torch::autograd::AutogradContext& context, c10::intrusive_ptr<NodeState> state) {
  context.saved_data["state"] = c10::IValue::make_capsule(std::move(state));
}

inline const NodeState& state_of(torch::autograd::AutogradContext& context) {
  return *c10::static_intrusive_pointer_cast<NodeState>(context.saved_data["state"].toCapsule());
}

}  // namespace torch_tl::gpu
