#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "model/network.h"
#include "training/observer.h"
#include "training/options.h"

namespace torch_tl {

struct RateFinderOptions {
  double start = 1e-7;
  double end = 10;
  std::int64_t steps = 100;
};

/** A step of a learning-rate search. */
struct RatePoint {
  double learning_rate = 0;
  double loss = 0;      // of the step's batch, before it moved the weights
  double smoothed = 0;  // the losses so far, averaged with a weight of 0.98 for the past, as fastai does
};

/**
 * The learning-rate range test (Smith 2015, https://arxiv.org/abs/1506.01186, section 3.3): steps at rates
 * that rise geometrically, with the first stage's layers and optimiser. It stops once the smoothed loss is
 * four times its lowest or no number, as fastai's does, and leaves the network as it was. Throws Aborted.
 */
std::vector<RatePoint> find_learning_rate(Network& network, const Dataset& training,
                                          const TrainOptions& options, const RateFinderOptions& finder,
                                          Observer& observer);

}  // namespace torch_tl
