#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
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
  double images_per_second = 0;  // training pictures over the epochs
};

struct Gradients {
  double loss = 0;
  std::vector<NamedTensor> gradients;
};

/**
 * Trains whatever is not frozen with Adam on the cross-entropy.
 *
 * Before the observer hears of a best epoch (highest validation accuracy, ties to the lower loss),
 * `keep_best` gets a copy of every tensor on the host. Throws Aborted, and LossNotFinite naming epoch and
 * batch.
 */
TrainResult train(Network& network, const Dataset& training, const Dataset& validation,
                  const TrainOptions& options, Observer& observer,
                  const std::function<void(std::vector<NamedTensor>)>& keep_best);

/** The mean cross-entropy over all of `data` as one training batch, and its gradients. */
Gradients gradients(Network& network, const Dataset& data, at::ScalarType precision, std::uint64_t seed);

}  // namespace torch_tl
