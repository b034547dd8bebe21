#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <functional>

namespace torch_tl {

/** A CUDA graph: work that was captured on a GPU, and is replayed on the same memory with one launch. */
class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  Graph(Graph&&) = delete;
  Graph& operator=(Graph&&) = delete;
  virtual ~Graph() = default;

  /** Captures what `work` launches, without running it. `work` must not wait for the GPU. */
  virtual void capture(const std::function<void()>& work) = 0;
  virtual void replay() = 0;
};

/**
 * The type of the function `torch_tl_make_graph` that the library torch-tl-cuda exports. It returns a new
 * graph for a GPU, which the caller owns. `generator` is the one that the work draws from, or undefined.
 */
using MakeGraph = Graph*(const at::Device& device, const at::Generator& generator);

}  // namespace torch_tl
