#include "training/metrics.h"

namespace torch_tl {

void RunningMetrics::add(double mean_loss, double weight, const at::Tensor& logits,
                         const at::Tensor& labels) {
  loss_sum_ += mean_loss * weight;
  weight_ += weight;
  correct_ += logits.argmax(1).eq(labels).sum().item<std::int64_t>();
  count_ += labels.size(0);
}

void RunningMetrics::archive(Archive& archive) {
  archive.value("metrics.loss_sum", loss_sum_);
  archive.value("metrics.correct", correct_);
  archive.value("metrics.count", count_);
  // Older checkpoints have no weight: every image counted as one.
  if (archive.restoring() && !archive.has("metrics.weight")) {
    weight_ = static_cast<double>(count_);
  } else {
    archive.value("metrics.weight", weight_);
  }
}

}  // namespace torch_tl
