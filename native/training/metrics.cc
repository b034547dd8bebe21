#include "training/metrics.h"

namespace torch_tl {

void RunningMetrics::add(double mean_loss, const at::Tensor& logits, const at::Tensor& labels) {
  const std::int64_t size = labels.size(0);
  loss_sum_ += mean_loss * static_cast<double>(size);
  correct_ += logits.argmax(1).eq(labels).sum().item<std::int64_t>();
  count_ += size;
}

void RunningMetrics::archive(Archive& archive) {
  archive.value("metrics.loss_sum", loss_sum_);
  archive.value("metrics.correct", correct_);
  archive.value("metrics.count", count_);
}

}  // namespace torch_tl
