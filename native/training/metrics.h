#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "training/archive.h"

namespace torch_tl {

/** Mean loss and accuracy over the images seen so far. */
class RunningMetrics {
 public:
  /**
   * Adds a batch: its mean loss, the sum of weights that this was divided by, and how many of its logits
   * [n, classes] are largest for the image's label [n].
   */
  void add(double mean_loss, double weight, const at::Tensor& logits, const at::Tensor& labels);
  double loss() const { return loss_sum_ / weight_; }
  double accuracy() const { return static_cast<double>(correct_) / static_cast<double>(count_); }
  std::int64_t count() const { return count_; }
  void archive(Archive& archive);

 private:
  double loss_sum_ = 0;
  double weight_ = 0;
  std::int64_t correct_ = 0;
  std::int64_t count_ = 0;
};

}  // namespace torch_tl
