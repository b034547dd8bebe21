#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "training/observer.h"
#include "training/options.h"

namespace torch_tl {

/** Numbers of images by their true and their likeliest class, of which the first of equal ones counts. */
class Confusion {
 public:
  /** `logits` are float32 [n, classes], `labels` int64 [n], both on the host. */
  Confusion(const at::Tensor& logits, const at::Tensor& labels);

  /** scikit-learn's balanced_accuracy_score: the mean recall of the classes that have images. */
  double balanced_accuracy() const;
  /** scikit-learn's f1_score, macro: the mean F1 of the classes that have images or are predicted. */
  double macro_f1() const;

 private:
  std::vector<std::int64_t> hits_;       // by class: images that are classified right
  std::vector<std::int64_t> images_;     // by true class
  std::vector<std::int64_t> predicted_;  // by likeliest class
};

/* Without a monitor the best epoch has the highest accuracy, and the rest watches the loss. */

/**
 * The figure of a monitor that is neither loss nor accuracy; none for those. `logits` are float32
 * [n, classes] on the host, `labels` int64 [n].
 */
std::optional<double> monitored(const std::optional<Monitor>& monitor, const at::Tensor& logits,
                                const at::Tensor& labels);
/** What the best epoch has most of. */
double score_of(const std::optional<Monitor>& monitor, const ValidationMetrics& validation);
/** What early stopping and the plateau schedule want to fall. */
double watched_of(const std::optional<Monitor>& monitor, const ValidationMetrics& validation);

}  // namespace torch_tl
