#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "data/augmentation.h"
#include "device/captured_work.h"
#include "model/network.h"
#include "training/feature_source.h"
#include "training/loss.h"
#include "training/optimizer.h"
#include "training/options.h"
#include "training/random_state.h"

namespace torch_tl {

/** A batch's results, with the weights before the step. */
struct BatchOutcome {
  double loss = 0;    // mean over the batch
  at::Tensor logits;  // [n, classes]
  at::Tensor labels;  // int64 [n]; for a mixed image, the class with the larger share
};

/**
 * One step of an optimiser: runs batches through the network, adds up their gradients, updates parameters.
 */
class TrainingStep {
 public:
  TrainingStep(Network& network, const FeatureSource& data, const TrainOptions& options, Optimizer& optimizer,
               RandomState& random);
  TrainingStep(const TrainingStep&) = delete;
  TrainingStep& operator=(const TrainingStep&) = delete;
  TrainingStep(TrainingStep&&) = delete;
  TrainingStep& operator=(TrainingStep&&) = delete;
  ~TrainingStep() = default;

  /** The weight in a mean loss of each of the images at `indices`: float64 [n]. */
  at::Tensor weights(const at::Tensor& indices) const { return loss_of_.weights(data_.labels(indices)); }
  /** Adds the gradients of the images at `indices`, scaled by their `share` of the step's weights. */
  BatchOutcome add(const at::Tensor& indices, double share);
  /** Updates the parameters by the gradients. */
  void finish(double learning_rate);

 private:
  Batch batch(const at::Tensor& indices);
  std::vector<at::Tensor> differentiate(const Batch& batch, double share);
  void update();

  Network& network_;
  const FeatureSource& data_;
  Optimizer& optimizer_;
  Loss loss_of_;
  std::optional<double> clip_norm_;
  std::optional<Augmentation> augmentation_;
  ForwardContext context_;
  // The usual step of one batch, captured: gradients, then the parameters' update.
  CapturedWork whole_step_;
  CapturedWork update_;
  bool replayed_ =
      false;  // the last batch was, so that its gradients are where the captured update reads them
};

}  // namespace torch_tl
