#include "training/loss.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/tensor.h>

namespace torch_tl {

Loss::Loss(const LossOptions& options, const at::Device& device) : label_smoothing_(options.label_smoothing) {
  if (!options.class_weights.empty()) {
    class_weights_ = at::tensor(options.class_weights, at::kFloat).to(device);
  }
}

at::Tensor Loss::operator()(const at::Tensor& logits, const at::Tensor& targets) const {
  constexpr std::int64_t kIgnoreNothing = -100;  // PyTorch's default: no label is negative here
  return at::cross_entropy_loss(logits, targets, class_weights_, at::Reduction::Mean, kIgnoreNothing,
                                label_smoothing_);
}

}  // namespace torch_tl
