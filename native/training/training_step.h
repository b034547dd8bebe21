#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "data/augmentation.h"
#include "device/captured_work.h"
#include "model/network.h"
#include "training/feature_source.h"
#include "training/loss.h"
#include "training/metrics.h"
#include "training/optimizer.h"
#include "training/options.h"
#include "training/random_state.h"
#include "training/ranks.h"

namespace torch_tl {

/**
 * One step of an optimiser: runs batches through the network, adds up their gradients, updates parameters. Of
 * each batch every rank runs its part; a step adds up the gradients of all ranks.
 */
class TrainingStep {
 public:
  TrainingStep(Network& network, const FeatureSource& data, const TrainOptions& options, Optimizer& optimizer,
               RandomState& random, Ranks& ranks);
  TrainingStep(const TrainingStep&) = delete;
  TrainingStep& operator=(const TrainingStep&) = delete;
  TrainingStep(TrainingStep&&) = delete;
  TrainingStep& operator=(TrainingStep&&) = delete;
  ~TrainingStep() = default;

  /** The weight in a mean loss of each of the images at `indices`: float64 [n]. */
  at::Tensor weights(const at::Tensor& indices) const { return loss_of_.weights(data_.labels(indices)); }
  /**
   * Adds the gradients of the images at `indices`, a whole batch, for a mean over all images of the step.
   * Returns the numbers before the step.
   *
   * @param weights of these images, on the host
   * @param step_weight sum of the weights of all images of the step
   */
  BatchNumbers add(const at::Tensor& indices, const at::Tensor& weights, double step_weight);
  /** Updates the parameters by the gradients. */
  void finish(double learning_rate);

 private:
  BatchNumbers add_part(const at::Tensor& indices, double weight, double step_weight);
  Batch batch(const at::Tensor& indices);
  std::vector<at::Tensor> differentiate(const Batch& batch, const at::Tensor& share);
  void update();

  Network& network_;
  const FeatureSource& data_;
  Optimizer& optimizer_;
  Ranks& ranks_;
  Loss loss_of_;
  bool one_batch_per_step_;
  std::optional<double> clip_norm_;
  std::optional<Augmentation> augmentation_;
  ForwardContext context_;
  // The usual step of one batch, captured: gradients, then the parameters' update.
  CapturedWork whole_step_;
  CapturedWork update_;
  /** Where the captured step writes its gradients, and the captured update reads them; empty before. */
  std::vector<at::Tensor> captured_gradients_;
  bool replayed_ = false;  // the last batch was, so that its gradients are these
};

}  // namespace torch_tl
