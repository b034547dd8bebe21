#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "data/augmentation.h"
#include "device/graph.h"
#include "model/network.h"
#include "training/feature_source.h"
#include "training/loss.h"
#include "training/optimizer.h"
#include "training/options.h"
#include "training/random_state.h"

namespace torch_tl {

/** What a batch came to, before the weights moved. */
struct BatchOutcome {
  double loss = 0;    // the mean over the batch
  at::Tensor logits;  // [n, classes]
  at::Tensor labels;  // int64 [n]; of a mixed image the one with the larger share
};

/** One step of an optimiser: batches through the network, their gradients added up, and the parameters moved.
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

  /** How much each of the images at `indices` counts in a mean loss: float64 [n]. */
  at::Tensor weights(const at::Tensor& indices) const { return loss_of_.weights(data_.labels(indices)); }
  /** Adds the gradients of the images at `indices`, whose weights are `share` of the step's. */
  BatchOutcome add(const at::Tensor& indices, double share);
  /** Moves the parameters; with several processes this is where gradients would be averaged first. */
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
  Pass pass_;
  // A step of one batch is the common case, and repeats.
  RepeatedWork whole_step_;
  RepeatedWork update_;
  bool repeated_ = false;  // the last batch, so that its gradients lie where they lay
};

}  // namespace torch_tl
