#pragma once

#include <cstdint>

#include "training/archive.h"
#include "training/options.h"
#include "training/plateau.h"

namespace torch_tl {

/**
 * The learning rate of every step of a stage. Steps and epochs are counted from 0, within the stage.
 *
 * All schedules but one-cycle may begin with a linear warm-up: (step + 1) / warm-up steps.
 * - cosine: PyTorch's CosineAnnealingLR, a step at a time, from the end of the warm-up to the end of the
 * stage
 * - one-cycle: PyTorch's OneCycleLR (cosine up from 1/25 over the warm-up or 0.3 of the steps, then down
 *   to 1/250,000) without changes of momentum; a single step has the peak rate
 * - step: PyTorch's StepLR, an epoch at a time
 * - plateau: Keras' ReduceLROnPlateau on the validation loss or the monitor's figure
 */
class Schedule {
 public:
  Schedule(const ScheduleOptions& options, double learning_rate, std::int64_t epochs,
           std::int64_t steps_per_epoch);

  double rate(std::int64_t step) const;
  /** Ends an epoch with the figure that is to fall. */
  void end_epoch(double watched);
  void archive(Archive& archive);

 private:
  double cosine(std::int64_t step) const;
  double one_cycle(std::int64_t step) const;
  double stepwise(std::int64_t step) const;

  ScheduleOptions options_;
  double learning_rate_;
  double floor_;  // the minimum learning rate, at most the initial one
  std::int64_t steps_per_epoch_;
  std::int64_t steps_;
  std::int64_t warmup_steps_;
  double plateau_rate_;
  PlateauWatch plateau_;
};

}  // namespace torch_tl
