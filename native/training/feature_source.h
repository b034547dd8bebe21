#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "data/dataset.h"
#include "model/network.h"

namespace torch_tl {

/** Where the head's input comes from: the backbone run on pictures, or a cache of what it gave. */
class FeatureSource {
 public:
  /** Runs the backbone for every batch; its unfrozen layers train. */
  FeatureSource(Network& network, const Dataset& data, at::ScalarType precision)
      : network_(network), data_(data), precision_(precision) {}
  /** Gathers rows of `features`, which a frozen backbone made of `data`. */
  FeatureSource(Network& network, const Dataset& data, at::Tensor features)
      : network_(network), data_(data), precision_(features.scalar_type()), features_(std::move(features)) {}

  /** What stands in for the pictures at `indices` (int64 [n] on the device): cached maps or preprocessed
   * pictures. */
  at::Tensor inputs(const at::Tensor& indices) const;
  /** What the rest of the network makes of them: [n, classes]. */
  at::Tensor logits(const at::Tensor& inputs, const Pass& pass) const;
  /** uint8 [n, height, width, 3] */
  at::Tensor pixels(const at::Tensor& indices) const;
  /** int64 [n] */
  at::Tensor labels(const at::Tensor& indices) const;
  std::int64_t count() const { return data_.count(); }

 private:
  Network& network_;
  const Dataset& data_;
  at::ScalarType precision_;
  at::Tensor features_;
};

}  // namespace torch_tl
