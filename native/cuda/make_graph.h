#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include "device/graph.h"

namespace torch_tl {

/**
 * What torch-tl-cuda exports as `torch_tl_make_graph`: a graph, which is the caller's, for a GPU. `generator`
 * is what the work draws from, or undefined.
 */
using MakeGraph = Graph*(const at::Device& device, const at::Generator& generator);

}  // namespace torch_tl
