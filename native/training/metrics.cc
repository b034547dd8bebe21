#include "training/metrics.h"

#include <array>

namespace torch_tl {

BatchNumbers numbers_of(double mean_loss, double weight, const at::Tensor& logits, const at::Tensor& labels) {
  const auto correct = logits.argmax(1).eq(labels).sum().item<std::int64_t>();
  return {mean_loss * weight, weight, static_cast<double>(correct), static_cast<double>(labels.size(0))};
}

BatchNumbers summed(const BatchNumbers& numbers, Ranks& ranks) {
  std::array sums{numbers.loss_sum, numbers.weight, numbers.correct, numbers.count};
  ranks.sum(sums);
  return {sums[0], sums[1], sums[2], sums[3]};
}

void RunningMetrics::add(const BatchNumbers& batch) {
  loss_sum_ += batch.loss_sum;
  weight_ += batch.weight;
  correct_ += static_cast<std::int64_t>(batch.correct);
  count_ += static_cast<std::int64_t>(batch.count);
}

void RunningMetrics::archive(Archive& archive) {
  archive.value("metrics.loss_sum", loss_sum_);
  archive.count("metrics.correct", correct_);
  archive.count("metrics.count", count_);
  // Older checkpoints have no weight: every image counted as one.
  if (archive.restoring() && !archive.has("metrics.weight")) {
    weight_ = static_cast<double>(count_);
  } else {
    archive.value("metrics.weight", weight_);
  }
}

}  // namespace torch_tl
