#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "data/batches.h"

namespace torch_tl {

/**
 * Labelled pictures as bytes; what a batch needs is made per batch. They are on the device that uses them,
 * whose the labels are always, or in a mapped file on the host, from which each batch is copied.
 */
struct Dataset {
  at::Tensor pixels;  // uint8 [pictures, height, width, 3]
  at::Tensor places;  // int64 [count]: which of them these are; undefined where they are all, in this order
  at::Tensor labels;  // int64 [count]

  std::int64_t count() const { return labels.size(0); }
  /** uint8 [n, height, width, 3] on the device; `indices` are int64 [n], on the device. */
  at::Tensor pictures(const at::Tensor& indices) const;
  /** The same for a range. */
  at::Tensor pictures(const BatchRange& range) const;
};

}  // namespace torch_tl
