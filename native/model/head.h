#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/layers.h"

namespace torch_tl {

/** One layer of a head as data. */
struct HeadLayer {
  std::string type;        // globalAveragePool, flatten, batchNorm, dense, relu or dropout
  std::int64_t units = 0;  // of a dense layer
  double rate = 0.0;       // of dropout
};

/**
 * The classification layers behind the backbone: its last map [n, 1024, side, side] -> logits [n, classes].
 */
class Head {
 public:
  /**
   * Builds the layers of a list, which starts with globalAveragePool or flatten. `side` is that of the
   * backbone's last map. In a head of pool and dense layer the latter is named `classifier`, as in
   * torchvision; in any other head, layer i after the first is `classifier.<i>`, counted from 0.
   *
   * Throws std::invalid_argument for a type that it does not know.
   */
  Head(const std::vector<HeadLayer>& layers, std::int64_t side, at::Generator& generator);

  /** The first layer, which has no parameters and makes a vector of each image's map. */
  const Layer& first() const { return *layers_.front(); }
  /** The layers, each of which takes the output of the one before it. */
  std::vector<Layer*> leaves();
  std::int64_t classes() const { return classes_; }

 private:
  std::vector<std::unique_ptr<Layer>> layers_;
  std::int64_t classes_ = 0;
};

}  // namespace torch_tl
