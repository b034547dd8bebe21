#include "training/moving_average.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_lerp.h>

namespace torch_tl {
namespace {

std::vector<at::Tensor> clones(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> copies;
  copies.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) copies.push_back(tensor.detach().clone());
  return copies;
}

}  // namespace

MovingAverage::MovingAverage(Network& network, double decay) : network_(network), decay_(decay) {
  const auto take = [this](const NamedTensor& tensor) {
    names_.push_back(tensor.name);
    values_.push_back(tensor.tensor);
    return averages_.emplace_back(tensor.tensor.detach().clone());
  };
  for (const Layer* leaf : network.leaves()) {
    if (!leaf->trainable()) continue;
    for (const NamedTensor& parameter : leaf->parameters()) take(parameter);
    for (const NamedTensor& buffer : leaf->buffers()) {
      // Not num_batches_tracked, which no computation uses.
      if (buffer.tensor.is_floating_point()) statistics_.push_back(take(buffer));
    }
  }
}

void MovingAverage::update() {
  const at::NoGradGuard no_grad;
  at::_foreach_lerp_(averages_, values_, 1 - decay_);
}

void MovingAverage::swap() {
  const at::NoGradGuard no_grad;
  const std::vector<at::Tensor> kept = clones(values_);
  network_.about_to_train();
  at::_foreach_copy_(values_, averages_);
  at::_foreach_copy_(averages_, kept);
}

void MovingAverage::archive(Archive& archive) {
  for (std::size_t i = 0; i < names_.size(); ++i) archive.tensor("average." + names_[i], averages_[i]);
}

}  // namespace torch_tl
