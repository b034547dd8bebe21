#pragma once

#include <ATen/core/Tensor.h>

namespace torch_tl {

/** Whether the executors run on x: on a processor that has their kernels. */
bool has_executors_for(const at::Tensor& x);

}  // namespace torch_tl
