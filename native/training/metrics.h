#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "training/archive.h"
#include "training/ranks.h"

namespace torch_tl {

/** What a batch adds to the metrics, over all ranks. */
struct BatchNumbers {
  double loss_sum = 0;  // the mean loss times `weight`
  double weight = 0;    // sum of the images' weights, by which the mean was divided
  double correct = 0;   // images whose largest logit is that of their label
  double count = 0;     // images

  double loss() const { return loss_sum / weight; }
};

/** The numbers of logits [n, classes] and labels [n] with a mean loss. */
BatchNumbers numbers_of(double mean_loss, double weight, const at::Tensor& logits, const at::Tensor& labels);
/** Their sums over all ranks; ends a batch's round. */
BatchNumbers summed(const BatchNumbers& numbers, Ranks& ranks);

/** Mean loss and accuracy over the images seen so far. */
class RunningMetrics {
 public:
  void add(const BatchNumbers& batch);
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
