#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

namespace torch_tl {

/** A GPU's record of work, which one launch repeats on the same memory: see native/cuda. */
class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  Graph(Graph&&) = delete;
  Graph& operator=(Graph&&) = delete;
  virtual ~Graph() = default;

  /** Records what `work` launches, without running it. Work that waits for the GPU cannot be recorded. */
  virtual void record(const std::function<void()>& work) = 0;
  virtual void replay() = 0;
};

/** Whether this build has the library that makes graphs, and nobody has turned it off. */
bool can_repeat_work();

/**
 * Work over batches of one shape. A processor launches the thousands of small pieces of a DenseNet more
 * slowly than a GPU does them: so it is run a few times, for all that happens only at first, then recorded,
 * and from then on repeated. On a CPU, and over a batch of another shape, it is run.
 *
 * The work must do the same on every call: read its inputs and tensors that stay where they are, and wait for
 * nothing on the GPU.
 */
class RepeatedWork {
 public:
  using Tensors = std::vector<at::Tensor>;
  using Work = std::function<Tensors(const Tensors&)>;

  struct Outcome {
    Tensors outputs;
    /** They, and all else that the work makes, lie where they lay the last time, until the next call. */
    bool repeated;
  };

  /** `generator`, where there is one, is what the work draws from. */
  RepeatedWork(const at::Device& device, Work work, at::Generator generator = {}, int warm_up = 3);

  Outcome operator()(const Tensors& inputs);

 private:
  bool is_due(const Tensors& inputs);
  void record();

  at::Device device_;
  Work work_;
  at::Generator generator_;
  int warm_up_;  // runs over batches of one shape before it is recorded
  int runs_ = 0;
  Tensors inputs_;   // of the record; before there is one, of the last run
  Tensors outputs_;  // of the record
  std::unique_ptr<Graph> graph_;
};

}  // namespace torch_tl
