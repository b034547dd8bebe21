#include "training/monitor.h"

#include <algorithm>
#include <cstddef>

namespace torch_tl {

Confusion::Confusion(const at::Tensor& logits, const at::Tensor& labels)
    : hits_(logits.size(1)), images_(logits.size(1)), predicted_(logits.size(1)) {
  const auto classes = logits.size(1);
  const auto* label = labels.const_data_ptr<std::int64_t>();
  const auto* row = logits.const_data_ptr<float>();
  for (std::int64_t image = 0; image < logits.size(0); ++image, row += classes) {
    const auto likeliest = std::max_element(row, row + classes) - row;
    ++images_[label[image]];
    ++predicted_[likeliest];
    if (likeliest == label[image]) ++hits_[likeliest];
  }
}

double Confusion::balanced_accuracy() const {
  double sum = 0;
  double classes = 0;
  for (std::size_t i = 0; i < images_.size(); ++i) {
    if (images_[i] == 0) continue;
    sum += static_cast<double>(hits_[i]) / static_cast<double>(images_[i]);
    ++classes;
  }
  return sum / classes;
}

double Confusion::macro_f1() const {
  double sum = 0;
  double classes = 0;
  for (std::size_t i = 0; i < images_.size(); ++i) {
    const std::int64_t both = images_[i] + predicted_[i];
    if (both == 0) continue;
    sum += static_cast<double>(2 * hits_[i]) / static_cast<double>(both);
    ++classes;
  }
  return sum / classes;
}

std::optional<double> monitored(const std::optional<Monitor>& monitor, const at::Tensor& logits,
                                const at::Tensor& labels) {
  if (monitor != Monitor::kBalancedAccuracy && monitor != Monitor::kMacroF1) return std::nullopt;
  const Confusion confusion(logits, labels.to(at::kCPU));
  return monitor == Monitor::kMacroF1 ? confusion.macro_f1() : confusion.balanced_accuracy();
}

double score_of(const std::optional<Monitor>& monitor, const ValidationMetrics& validation) {
  if (monitor == Monitor::kLoss) return -validation.loss;
  return validation.monitored.value_or(validation.accuracy);
}

double watched_of(const std::optional<Monitor>& monitor, const ValidationMetrics& validation) {
  return monitor ? -score_of(monitor, validation) : validation.loss;
}

}  // namespace torch_tl
