#pragma once

#include <ATen/core/Tensor.h>

#include "training/options.h"

namespace torch_tl {

/**
 * PyTorch's CrossEntropyLoss, the mean over a batch: label smoothing and class weights where given. The mean
 * divides by the sum of the images' weights, of mixed images too.
 */
class Loss {
 public:
  Loss(const LossOptions& options, const at::Device& device);

  /** Logits [n, classes] against labels (int64 [n]) or shares of the classes (float32 [n, classes]). */
  at::Tensor operator()(const at::Tensor& logits, const at::Tensor& targets) const;
  /**
   * How much each image counts, float64 [n]: its class's weight, or 1. A batch's sum stays the same when
   * its images are mixed, since each gives as much as it takes.
   */
  at::Tensor weights(const at::Tensor& labels) const;

 private:
  double label_smoothing_;
  at::Tensor class_weights_;  // float32 [classes], or undefined
};

}  // namespace torch_tl
