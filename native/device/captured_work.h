#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "cuda/graph.h"

namespace torch_tl {

/** Whether CUDA graphs are available: torch-tl-cuda is there, and TORCH_TL_CUDA_GRAPHS is not `off`. */
bool can_capture_work();

/**
 * Work over batches of one shape, captured as a CUDA graph. A CPU launches the thousands of small kernels of
 * a DenseNet more slowly than a GPU runs them. So the work runs normally a few times, for what happens only
 * at first, is then captured, and from then on replayed. On a CPU, and for a batch of another shape, it
 * always runs normally.
 *
 * The work must do the same on every call, read only its inputs and tensors that stay where they are, and not
 * wait for the GPU.
 */
class CapturedWork {
 public:
  using Tensors = std::vector<at::Tensor>;
  using Work = std::function<Tensors(const Tensors&)>;

  struct Outcome {
    Tensors outputs;
    /**
     * True if the graph ran: the outputs, and all else that the work makes, are overwritten by the next call.
     */
    bool replayed;
  };

  /**
   * `generator` is the one that the work draws from, if any. `warm_up` is the number of runs over batches of
   * one shape before the work is captured.
   */
  CapturedWork(const at::Device& device, Work work, at::Generator generator = {}, int warm_up = 3);

  Outcome operator()(const Tensors& inputs);

 private:
  bool is_due(const Tensors& inputs);
  void capture();

  at::Device device_;
  Work work_;
  at::Generator generator_;
  int warm_up_;
  int runs_ = 0;     // over batches of the present shape
  Tensors inputs_;   // of the graph, or before there is one of the last run
  Tensors outputs_;  // of the graph
  std::unique_ptr<Graph> graph_;
};

}  // namespace torch_tl
