#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "model/network.h"
#include "training/observer.h"
#include "training/options.h"
#include "training/ranks.h"

namespace torch_tl {

enum class StopReason { kEpochs, kEarlyStopping };

struct TrainResult {
  StopReason stopped_because = StopReason::kEpochs;
  double total_seconds = 0;
  double feature_seconds = 0;
  double training_seconds = 0;
  double images_per_second = 0;  // training images per second over all epochs
};

struct Gradients {
  double loss = 0;
  std::vector<NamedTensor> gradients;
};

/**
 * Trains all layers that are not frozen, stage after stage. After each stage the network holds the weights of
 * the best epoch so far: the one with the highest validation accuracy, or the best figure of the monitor, and
 * among equals the lowest loss. If `validation` is null, nothing is validated, and every epoch is the best so
 * far.
 *
 * `checkpoint` holds the tensors of a checkpoint of the same training to resume from, the network's included,
 * or is empty; all ranks get the same. Throws Aborted, PeerStopped, PeerLost, LossNotFinite, which names
 * epoch and batch, and CheckpointInvalid.
 */
TrainResult train(Network& network, const Dataset& training, const Dataset* validation,
                  const TrainOptions& options, const std::vector<NamedTensor>& checkpoint, Ranks& ranks,
                  Observer& observer);

/** The mean cross-entropy of all of `data`, which has labels, as one training batch, and its gradients. */
Gradients gradients(Network& network, const Dataset& data, const Computation& computation,
                    std::uint64_t seed);

}  // namespace torch_tl
