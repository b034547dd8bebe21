#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "finally.h"
#include "model/network.h"
#include "training/archive.h"

namespace torch_tl {

/**
 * The exponential moving average of the parameters and running statistics that train, as timm's ModelEmaV3:
 * average = decay * average + (1 - decay) * value, after every step.
 */
class MovingAverage {
 public:
  /** Starts from the network's values. */
  MovingAverage(Network& network, double decay);

  void update();
  /** Exchanges the network's values and the averages; a second call undoes it. */
  void swap();
  void archive(Archive& archive);
  /** The averages of the running statistics. */
  const std::vector<at::Tensor>& statistics() const { return statistics_; }

 private:
  Network& network_;
  double decay_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> values_, averages_, statistics_;
};

/** Runs `work` while the network holds the averages, if there are any. */
template <typename Work>
void with_averages(MovingAverage* average, Work work) {
  const auto swap = [average] {
    if (average != nullptr) average->swap();
  };
  swap();
  finally(work, swap);
}

}  // namespace torch_tl
