#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace torch_tl {

/** Pictures and labels on the device, as bytes; what a batch needs is made per batch. */
struct Dataset {
  at::Tensor pixels;  // uint8 [count, height, width, 3]
  at::Tensor labels;  // int64 [count]

  std::int64_t count() const { return labels.size(0); }
};

}  // namespace torch_tl
