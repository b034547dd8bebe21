#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "data/batches.h"
#include "device/captured_work.h"
#include "training/archive.h"
#include "training/feature_source.h"
#include "training/metrics.h"
#include "training/moving_average.h"
#include "training/observer.h"
#include "training/optimizer.h"
#include "training/options.h"
#include "training/plateau.h"
#include "training/random_state.h"
#include "training/ranks.h"
#include "training/schedule.h"
#include "training/training_step.h"

namespace torch_tl {

/** How far a training has come. */
struct Progress {
  std::int64_t stage = 0;        // counted from 0
  std::int64_t epoch = 0;        // finished epochs of all stages
  std::int64_t stage_epoch = 0;  // finished epochs of this stage
  bool stopped_early = false;    // whether early stopping has ended this stage
  std::int64_t batch = 0;        // finished batches of this epoch
  std::int64_t step = 0;         // finished optimiser steps of this stage
  at::Tensor order;              // of the images in this epoch, int64 [count] on the host
  RunningMetrics metrics;
  bool equalised = false;  // whether all ranks have the same since this epoch's last batch

  /** Forgets what has been done of an epoch. */
  void begin_epoch();
  void begin_stage();
  /** @param images number of training images */
  void archive(Archive& archive, std::int64_t images);
};

/** The network's results for the validation images. */
struct Validation {
  RunningMetrics metrics;
  at::Tensor logits;  // float32 [count, classes] on the host, in the data's order
};

/** One stage of a training, with its optimiser, schedule, moving average and early stopping. */
class Stage {
 public:
  Stage(Network& network, const Sources& sources, const StageOptions& stage, const TrainOptions& options,
        RandomState& random, Ranks& ranks, Observer& observer);

  /**
   * Trains for the rest of an epoch; calls `after_batch` after every batch, when a checkpoint can be made.
   */
  void train_epoch(Progress& progress, const std::function<void()>& after_batch);
  /** Before `validate`: makes what training changes the same on all ranks. */
  void equalise();
  /** Needs validation images. */
  Validation validate(std::int64_t epoch);
  /**
   * Ends a validated epoch with the figure that is to fall. Returns true if early stopping ends the stage.
   */
  bool end_epoch(double watched);

  /** Learning rate at the epoch's last step. */
  double learning_rate(const Progress& progress) const { return schedule_.rate(progress.step - 1); }
  MovingAverage* average() { return average_ ? &*average_ : nullptr; }
  void archive(Archive& archive);
  /**
   * Saves, on rank 0, what each of the other ranks has of its own within an epoch: the running statistics of
   * the batches that it has seen. Collective.
   */
  void save_statistics(Archive& archive) const;
  /** Restores this rank's, after the network and `archive`, which hold those of rank 0. */
  void restore_statistics(Archive& archive);
  void drop_gradients() { optimizer_->drop_gradients(); }
  /** Number of batches of an epoch. */
  std::int64_t batches() const { return static_cast<std::int64_t>(ranges_.size()); }
  /** Whether the next batch begins a step. */
  bool is_between_steps(const Progress& progress) const {
    return progress.batch % options_.gradient_accumulation_steps == 0;
  }

 private:
  double step_weight(std::int64_t batch, const at::Tensor& weights) const;
  std::vector<at::Tensor> statistics() const;

  Network& network_;
  const Sources& sources_;
  const TrainOptions& options_;
  RandomState& random_;
  Ranks& ranks_;
  Observer& observer_;
  std::vector<BatchRange> ranges_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule schedule_;
  std::optional<MovingAverage> average_;
  std::optional<PlateauWatch> early_stopping_;
  TrainingStep step_;
  CapturedWork validation_;  // a batch's loss and logits
};

}  // namespace torch_tl
