#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "model/network.h"
#include "training/archive.h"
#include "training/options.h"

namespace torch_tl {

/** Parameters that share a learning rate and a weight decay. */
struct ParameterGroup {
  std::vector<NamedTensor> parameters;
  double rate_multiplier = 1;  // of the stage's learning rate
  double weight_decay = 0;
};

/** The network's trainable parameters by what a stage says of their layers; none is in two groups. */
std::vector<ParameterGroup> parameter_groups(const Network& network, const StageOptions& stage);

/** Moves parameters along their gradients. */
class Optimizer {
 public:
  static std::unique_ptr<Optimizer> make(const OptimizerOptions& options,
                                         const std::vector<ParameterGroup>& groups);
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  Optimizer(Optimizer&&) = delete;
  Optimizer& operator=(Optimizer&&) = delete;
  virtual ~Optimizer() = default;

  /** Of the steps from now on. */
  void set_learning_rate(double learning_rate);
  /** One step along the gradients, after which there are none. */
  void step();
  /** Scales all gradients so that their norm, taken as one vector, is at most `norm`, as PyTorch's
   * clip_grad_norm_. */
  void clip_gradients(double norm);
  /** The optimiser's state, and gradients that no step has used yet. */
  void archive(Archive& archive);

 protected:
  /** The tensors of a group, side by side. */
  struct Group {
    std::vector<std::string> names;
    std::vector<at::Tensor> parameters;
    double rate_multiplier;
    double weight_decay;
    double learning_rate = 0;
    at::Tensor
        learning_rate_on_gpu{};  // the same, float32, where a repeated step finds it; elsewhere undefined
  };

  explicit Optimizer(const std::vector<ParameterGroup>& groups);
  const std::vector<Group>& groups() const { return groups_; }
  /** Calls `step` with a group's learning rate: the tensor where a repeated step finds it, or the number. */
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
