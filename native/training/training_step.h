#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "data/augmentation.h"
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
  at::Tensor labels;  // int64 [n]; of a mixed picture the one with the larger share
};

/** One step of an optimiser: batches through the network, their gradients added up, and the parameters moved.
 */
class TrainingStep {
 public:
  TrainingStep(Network& network, const FeatureSource& data, const TrainOptions& options, Optimizer& optimizer,
               RandomState& random);

  /**
   * Adds the gradients of the pictures at `indices`, which are `share` of the step's. Where the loss is
   * not finite nothing is added: see `loss`.
   */
  BatchOutcome add(const at::Tensor& indices, double share);
  /** Moves the parameters; with several processes this is where gradients would be averaged first. */
  void finish(double learning_rate);

 private:
  Batch batch(const at::Tensor& indices);

  Network& network_;
  const FeatureSource& data_;
  Optimizer& optimizer_;
  Loss loss_;
  std::optional<double> clip_norm_;
  std::optional<Augmentation> augmentation_;
  at::ScalarType precision_;
  Pass pass_;
};

}  // namespace torch_tl
