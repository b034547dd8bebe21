#include "training/loss.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>

namespace torch_tl {

Loss::Loss(const LossOptions& options, const at::Device& device) : label_smoothing_(options.label_smoothing) {
  if (!options.class_weights.empty()) {
    class_weights_ = at::tensor(options.class_weights, at::kFloat).to(device);
  }
}

at::Tensor Loss::operator()(const at::Tensor& logits, const at::Tensor& targets) const {
  constexpr std::int64_t kIgnoreNothing = -100;  // PyTorch's default; no label here is negative
  at::Tensor mean = at::cross_entropy_loss(logits, targets, class_weights_, at::Reduction::Mean,
                                           kIgnoreNothing, label_smoothing_);
  if (!class_weights_.defined() || targets.dim() == 1) return mean;
  // PyTorch divides by the number of images if targets are shares, but by the sum of the weights if they are
  // labels. Without this correction the loss would change its scale when images are mixed.
  const at::Tensor weights = at::matmul(targets, class_weights_).sum();
  return mean.mul(weights.reciprocal().mul(static_cast<double>(targets.size(0))));
}

at::Tensor Loss::weights(const at::Tensor& labels) const {
  if (!class_weights_.defined()) return at::ones_like(labels, at::kDouble);
  return class_weights_.to(at::kDouble).index_select(0, labels);
}

}  // namespace torch_tl
