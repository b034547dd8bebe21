#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "model/network.h"
#include "training/archive.h"

namespace torch_tl {

/**
 * The exponential moving average of what trains: parameters and running statistics, as timm's ModelEmaV3:
 * average = decay * average + (1 - decay) * value, after every step.
 */
class MovingAverage {
 public:
  /** Starts from the network's values. */
  MovingAverage(Network& network, double decay);

  void update();
  /** Puts the averages into the network and keeps its values; a second call undoes it. */
  void swap();
  void archive(Archive& archive);

 private:
  Network& network_;
  double decay_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> values_, averages_;
};

/** While it lives the network holds the averages, where there are any. */
class AveragedScope {
 public:
  explicit AveragedScope(MovingAverage* average) : average_(average) {
    if (average_ != nullptr) average_->swap();
  }
  AveragedScope(const AveragedScope&) = delete;
  AveragedScope& operator=(const AveragedScope&) = delete;
  AveragedScope(AveragedScope&&) = delete;
  AveragedScope& operator=(AveragedScope&&) = delete;
  ~AveragedScope() {
    if (average_ != nullptr) average_->swap();
  }

 private:
  MovingAverage* average_;
};

}  // namespace torch_tl
