#pragma once

#include <ATen/core/Tensor.h>

#include "training/options.h"

namespace torch_tl {

/** PyTorch's CrossEntropyLoss, the mean over a batch: label smoothing and class weights where given. */
class Loss {
 public:
  Loss(const LossOptions& options, const at::Device& device);

  /** Logits [n, classes] against labels (int64 [n]) or shares of the classes (float32 [n, classes]). */
  at::Tensor operator()(const at::Tensor& logits, const at::Tensor& targets) const;

 private:
  double label_smoothing_;
  at::Tensor class_weights_;  // float32 [classes], or undefined
};

}  // namespace torch_tl
