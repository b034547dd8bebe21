#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "model/network.h"
#include "training/observer.h"
#include "training/options.h"

namespace torch_tl {

enum class StopReason { kEpochs, kEarlyStopping };

struct TrainResult {
  StopReason stopped_because = StopReason::kEpochs;
  double total_seconds = 0;
  double feature_seconds = 0;
  double training_seconds = 0;
  double images_per_second = 0;  // training images over the epochs
};

struct Gradients {
  double loss = 0;
  std::vector<NamedTensor> gradients;
};

/**
 * Trains whatever is not frozen, stage after stage. After a stage the network holds the weights of the best
 * epoch so far: the highest validation accuracy, of equals the lower loss.
 *
 * `checkpoint` holds the tensors of one of the same training to go on from, or is empty; the network's
 * tensors are among them. Throws Aborted, LossNotFinite naming epoch and batch, and CheckpointInvalid.
 */
TrainResult train(Network& network, const Dataset& training, const Dataset& validation,
                  const TrainOptions& options, const std::vector<NamedTensor>& checkpoint,
                  Observer& observer);

/** The mean cross-entropy over all of `data` as one training batch, and its gradients. */
Gradients gradients(Network& network, const Dataset& data, const Computation& computation,
                    std::uint64_t seed);

}  // namespace torch_tl
