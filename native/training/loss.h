#pragma once

#include <ATen/core/Tensor.h>

#include "training/options.h"

namespace torch_tl {

/**
 * PyTorch's CrossEntropyLoss, averaged over a batch, with optional label smoothing and class weights. The sum
 * is divided by the sum of the images' weights, for mixed images too.
 */
class Loss {
 public:
  Loss(const LossOptions& options, const at::Device& device);

  /**
   * The loss of logits [n, classes] for labels (int64 [n]) or shares of the classes (float32 [n, classes]).
   */
  at::Tensor operator()(const at::Tensor& logits, const at::Tensor& targets) const;
  /**
   * The weight of each image in the mean, float64 [n]: its class's weight, or 1. Mixing the images of a batch
   * does not change the sum of their weights, since each image gives away as much as it gets.
   */
  at::Tensor weights(const at::Tensor& labels) const;

 private:
  double label_smoothing_;
  at::Tensor class_weights_;  // float32 [classes], or undefined
};

}  // namespace torch_tl
