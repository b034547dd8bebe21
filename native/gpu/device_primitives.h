#pragma once

#include <c10/core/Device.h>

#include "gpu/primitives.h"

namespace torch_tl::gpu {

/**
 * The primitives over the kernels of native/cuda, for a GPU; null for other devices, and where the library of
 * these kernels is not there or has none.
 */
const Primitives* primitives_of(const at::Device& device);

/** The compute capabilities that these kernels were compiled for, such as `80 90 100`; empty where there are
 * none. */
const char* compiled_capabilities();

}  // namespace torch_tl::gpu
