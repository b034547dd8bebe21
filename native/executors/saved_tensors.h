#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include <utility>

namespace torch_tl {

/*
 * Gives names to the tensors that a node of autograd's graph keeps from its forward pass, as members of a
 * struct. Autograd keeps a list: the struct's `each_tensor(visit)` calls `visit` with every tensor, always in
 * one order.
 */

/** Keeps the tensors of `saved` until the backward pass. */
template <typename Saved>
void save_tensors(torch::autograd::AutogradContext& context, Saved saved) {
  torch::autograd::variable_list list;
  saved.each_tensor([&list](at::Tensor& tensor) { list.push_back(tensor); });
  context.save_for_backward(std::move(list));
}

/** Fills `saved` with the tensors that `save_tensors` kept; any vectors in it must have their sizes. */
template <typename Saved>
Saved restore_tensors(const torch::autograd::AutogradContext& context, Saved saved = {}) {
  const torch::autograd::variable_list list = context.get_saved_variables();
  auto next = list.begin();
  saved.each_tensor([&next](at::Tensor& tensor) { tensor = *next++; });
  return saved;
}

}  // namespace torch_tl
