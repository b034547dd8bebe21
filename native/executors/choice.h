#pragma once

namespace torch_tl {

/** Whether this thread computes with the modules of densenet.h alone: for comparison and for doubt. */
void set_reference_wanted(bool wanted);

/** Whether the executors and kernels of our own are there for this processor, and wanted on this thread. */
bool may_use_executors();

}  // namespace torch_tl
