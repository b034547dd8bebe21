#include "training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace torch_tl {
namespace {

// Keras' default for ReduceLROnPlateau.
constexpr double kPlateauMinDelta = 1e-4;

// PyTorch's defaults for OneCycleLR.
constexpr double kOneCycleRise = 0.3;
constexpr double kOneCycleStart = 1.0 / 25;
constexpr double kOneCycleEnd = kOneCycleStart / 1e4;

/** From `start` to `end` along half a cosine as `part` goes from 0 to 1. */
double along_cosine(double start, double end, double part) {
  return end + (start - end) / 2 * (1 + std::cos(std::numbers::pi * part));
}

}  // namespace

Schedule::Schedule(const ScheduleOptions& options, double learning_rate, std::int64_t epochs,
                   std::int64_t steps_per_epoch)
    : options_(options),
      learning_rate_(learning_rate),
      floor_(std::min(options.min_learning_rate, learning_rate)),
      steps_per_epoch_(steps_per_epoch),
      steps_(epochs * steps_per_epoch),
      warmup_steps_(std::llround(options.warmup_epochs * static_cast<double>(steps_per_epoch))),
      plateau_rate_(learning_rate),
      plateau_(options.plateau_patience, kPlateauMinDelta) {}

double Schedule::rate(std::int64_t step) const {
  if (options_.type == ScheduleType::kOneCycle) return one_cycle(step);
  if (step < warmup_steps_) {
    return learning_rate_ * static_cast<double>(step + 1) / static_cast<double>(warmup_steps_);
  }
  if (options_.type == ScheduleType::kCosine) return cosine(step);
  if (options_.type == ScheduleType::kStep) return stepwise(step);
  if (options_.type == ScheduleType::kPlateau) return plateau_rate_;
  return learning_rate_;
}

void Schedule::end_epoch(double watched) {
  if (!plateau_.update(watched)) return;
  plateau_rate_ =
      std::max(plateau_rate_ * options_.plateau_factor, std::min(plateau_rate_, options_.min_learning_rate));
}

void Schedule::archive(Archive& archive) {
  archive.value("schedule.plateau_rate", plateau_rate_);
  plateau_.archive(archive, "schedule.plateau");
}

double Schedule::cosine(std::int64_t step) const {
  const auto length = static_cast<double>(std::max<std::int64_t>(steps_ - warmup_steps_, 1));
  return along_cosine(learning_rate_, floor_, static_cast<double>(step - warmup_steps_) / length);
}

double Schedule::one_cycle(std::int64_t step) const {
  // PyTorch gives a single step the lowest rate, at which it would train nothing.
  if (steps_ == 1) return learning_rate_;
  const double rise =
      warmup_steps_ > 0 ? static_cast<double>(warmup_steps_) : kOneCycleRise * static_cast<double>(steps_);
  // Usually between two steps. With two or three steps it is before the first, whose rate is falling already.
  const double peak = rise - 1;
  const auto at = static_cast<double>(step);
  if (at <= peak) {
    const double part = peak > 0 ? at / peak : 1;
    return along_cosine(learning_rate_ * kOneCycleStart, learning_rate_, part);
  }
  const double fall = static_cast<double>(steps_ - 1) - peak;
  return along_cosine(learning_rate_, learning_rate_ * kOneCycleEnd, (at - peak) / fall);
}

double Schedule::stepwise(std::int64_t step) const {
  const std::int64_t falls = step / steps_per_epoch_ / options_.step_epochs;
  return std::max(learning_rate_ * std::pow(options_.step_factor, static_cast<double>(falls)), floor_);
}

}  // namespace torch_tl
