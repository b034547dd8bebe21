#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "data/batches.h"
#include "device/graph.h"
#include "training/archive.h"
#include "training/feature_source.h"
#include "training/metrics.h"
#include "training/moving_average.h"
#include "training/observer.h"
#include "training/optimizer.h"
#include "training/options.h"
#include "training/plateau.h"
#include "training/random_state.h"
#include "training/schedule.h"
#include "training/training_step.h"

namespace torch_tl {

/** How far a training has come. A part of an epoch has batches behind it and an order. */
struct Progress {
  std::int64_t stage = 0;        // from 0
  std::int64_t epoch = 0;        // whole epochs behind it, of all stages
  std::int64_t stage_epoch = 0;  // of this stage
  bool stopped_early = false;    // the stage, by early stopping
  std::int64_t batch = 0;        // batches of the epoch behind it
  std::int64_t step = 0;         // the optimiser's steps of the stage behind it
  at::Tensor order;              // int64 [count] on the host
  RunningMetrics metrics;

  void archive(Archive& archive);
};

/** What the network makes of the validation images. */
struct Validation {
  RunningMetrics metrics;
  at::Tensor logits;  // float32 [count, classes] on the host, in the data's order
};

/** What lasts for one stage of a training: optimiser, schedule, moving average, early stopping. */
class Stage {
 public:
  Stage(Network& network, const Sources& sources, const StageOptions& stage, const TrainOptions& options,
        RandomState& random, Observer& observer);

  /** The rest of an epoch's training; calls `after_batch` whenever the state is one to resume from. */
  void train_epoch(Progress& progress, const std::function<void()>& after_batch);
  Validation validate(std::int64_t epoch);
  /** Takes an epoch's validation loss; true where early stopping ends the stage. */
  bool end_epoch(double valid_loss);

  /** Of the epoch's last step. */
  double learning_rate(const Progress& progress) const { return schedule_.rate(progress.step - 1); }
  MovingAverage* average() { return average_ ? &*average_ : nullptr; }
  void archive(Archive& archive);

 private:
  std::vector<double> batch_weights(const at::Tensor& order) const;
  double share_of_step(std::int64_t batch, const std::vector<double>& weights) const;

  Network& network_;
  const Sources& sources_;
  const TrainOptions& options_;
  RandomState& random_;
  Observer& observer_;
  std::vector<BatchRange> ranges_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule schedule_;
  std::optional<MovingAverage> average_;
  std::optional<PlateauWatch> early_stopping_;
  TrainingStep step_;
  RepeatedWork validation_;  // the loss and the logits of a batch
};

}  // namespace torch_tl
