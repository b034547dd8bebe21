#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "training/archive.h"

namespace torch_tl {

/** Detects a figure that has not fallen by `min_delta` for `patience` epochs. */
class PlateauWatch {
 public:
  PlateauWatch(std::int64_t patience, double min_delta) : patience_(patience), min_delta_(min_delta) {}

  /** Adds an epoch's figure. Returns true when patience has run out, and then starts to count again. */
  bool update(double figure) {
    if (figure < best_ - min_delta_) {
      best_ = figure;
      waited_ = 0;
      return false;
    }
    if (++waited_ < patience_) return false;
    waited_ = 0;
    return true;
  }

  void archive(Archive& archive, const std::string& name) {
    archive.value(name + ".best", best_);
    archive.count(name + ".waited", waited_);
  }

 private:
  std::int64_t patience_;
  double min_delta_;
  double best_ = std::numeric_limits<double>::infinity();
  std::int64_t waited_ = 0;
};

}  // namespace torch_tl
