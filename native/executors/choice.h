#pragma once

#include <ATen/core/Tensor.h>

namespace torch_tl {

/** Whether this thread computes with the modules of sections.h alone: for comparison and for doubt. */
void set_reference_wanted(bool wanted);

/** Whether the executors run on x: on a processor that has their kernels, and wanted on this thread. */
bool may_use_executors(const at::Tensor& x);

}  // namespace torch_tl
