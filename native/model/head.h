#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/layers.h"

namespace torch_tl {

/** One layer of a head as data. */
struct HeadLayer {
  std::string type;        // globalAveragePool, flatten, batchNorm, dense, relu or dropout
  std::int64_t units = 0;  // of dense
  double rate = 0.0;       // of dropout
};

/** The classification layers, built from a list. */
class Head {
 public:
  /**
   * `side` is the side of the backbone's map, which flatten's size follows. A head of pool and dense is
   * `classifier`, as torchvision's; of any other, the layers after the pool or flatten are `classifier.<i>`.
   */
  Head(const std::vector<HeadLayer>& layers, std::int64_t side, at::Generator& generator);

  /** [n, 1024, side, side] -> logits [n, classes] */
  at::Tensor operator()(at::Tensor x, const Pass& pass);
  std::vector<Layer*> leaves();
  std::int64_t classes() const { return classes_; }

 private:
  std::vector<std::unique_ptr<Layer>> layers_;
  std::int64_t classes_ = 0;
};

}  // namespace torch_tl
