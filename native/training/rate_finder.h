#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "model/network.h"
#include "training/observer.h"
#include "training/options.h"
#include "training/ranks.h"

namespace torch_tl {

struct RateFinderOptions {
  double start = 1e-7;
  double end = 10;
  std::int64_t steps = 100;
};

/** One step of a learning-rate search. */
struct RatePoint {
  double learning_rate = 0;
  double loss = 0;  // of the step's batch, before the step
  double smoothed =
      0;  // moving average of the losses so far, with a weight of 0.98 for the past, as fastai's
};

/**
 * The learning-rate range test (Smith 2015, https://arxiv.org/abs/1506.01186, section 3.3): trains with rates
 * that rise geometrically, with the layers and optimiser of the first stage. Like fastai's, it stops once the
 * smoothed loss is four times its lowest value or not finite. Leaves the network as it was.
 * Throws Aborted, PeerStopped and PeerLost.
 */
std::vector<RatePoint> find_learning_rate(Network& network, const Dataset& training,
                                          const TrainOptions& options, const RateFinderOptions& finder,
                                          Ranks& ranks, Observer& observer);

}  // namespace torch_tl
