#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "model/network.h"
#include "training/archive.h"
#include "training/options.h"

namespace torch_tl {

/** Parameters with the same learning rate and weight decay. */
struct ParameterGroup {
  std::vector<NamedTensor> parameters;
  double rate_multiplier = 1;  // relative to the stage's learning rate
  double weight_decay = 0;
};

/** Groups the network's trainable parameters by a stage's options; each parameter is in one group. */
std::vector<ParameterGroup> parameter_groups(const Network& network, const StageOptions& stage);

/** Updates parameters by their gradients. */
class Optimizer {
 public:
  static std::unique_ptr<Optimizer> make(const OptimizerOptions& options,
                                         const std::vector<ParameterGroup>& groups);
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  Optimizer(Optimizer&&) = delete;
  Optimizer& operator=(Optimizer&&) = delete;
  virtual ~Optimizer() = default;

  /** The gradients of all parameters; those that no batch gave one get zeros. */
  std::vector<at::Tensor> gradients();
  /** Sets those of all parameters, in the same order; memory is shared. */
  void set_gradients(const std::vector<at::Tensor>& gradients);
  void drop_gradients();
  /** Sets the learning rate of the following steps. */
  void set_learning_rate(double learning_rate);
  /** Makes one step by the gradients, which stay. */
  void step();
  /**
   * Scales all gradients so that their norm as one vector is at most `norm`, as PyTorch's clip_grad_norm_.
   */
  void clip_gradients(double norm);
  /** Saves or restores the optimiser's state, and the gradients of an unfinished step. */
  void archive(Archive& archive);

 protected:
  /** A group's names and parameters, in the same order. */
  struct Group {
    std::vector<std::string> names;
    std::vector<at::Tensor> parameters;
    double rate_multiplier;
    double weight_decay;
    double learning_rate = 0;
    at::Tensor learning_rate_on_gpu{};  // the same, float32, for captured work; undefined on a CPU
  };

  explicit Optimizer(const std::vector<ParameterGroup>& groups);
  const std::vector<Group>& groups() const { return groups_; }
  /**
   * Calls `step` with a group's learning rate: on a GPU the tensor, which captured work reads, else the
   * number.
   */
  template <typename Step>
  void with_learning_rate(std::size_t index, Step step) const {
    const Group& group = groups_[index];
    if (group.learning_rate_on_gpu.defined()) {
      step(group.learning_rate_on_gpu);
    } else {
      step(group.learning_rate);
    }
  }

 private:
  virtual void step_group(std::size_t index, const std::vector<at::Tensor>& gradients) = 0;
  virtual void archive_state(Archive& archive) = 0;
  virtual void begin_step() {}
  std::vector<at::Tensor> gradients_of(const Group& group) const;

  std::vector<Group> groups_;
};

}  // namespace torch_tl
