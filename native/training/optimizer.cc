#include "training/optimizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <map>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace torch_tl {
namespace {

using Tensors = std::vector<at::Tensor>;

Tensors zeros_like(const Tensors& tensors) {
  const at::NoGradGuard no_grad;
  Tensors zeros;
  zeros.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) zeros.push_back(at::zeros_like(tensor));
  return zeros;
}

/**
 * Adam (Kingma and Ba 2014, https://arxiv.org/abs/1412.6980), or AdamW, which decouples the weight decay
 * (Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101).
 */
class Adam final : public Optimizer {
 public:
  Adam(const OptimizerOptions& options, const std::vector<ParameterGroup>& parameter_groups)
      : Optimizer(parameter_groups), options_(options) {
    for (const Group& group : groups()) {
      means_.push_back(zeros_like(group.parameters));
      squares_.push_back(zeros_like(group.parameters));
      if (!steps_.defined()) steps_ = at::zeros({}, group.parameters.front().options().requires_grad(false));
    }
  }

 private:
  void begin_step() override { steps_.add_(1); }

  void step_group(std::size_t index, const Tensors& gradients) override {
    with_learning_rate(index, [&](const auto& rate) { step_at(rate, index, gradients); });
  }

  template <typename Rate>
  void step_at(const Rate& rate, std::size_t index, const Tensors& gradients) {
    const Group& group = groups()[index];
    const auto update = options_.type == OptimizerType::kAdamW
                            ? static_cast<Update<Rate>*>(&at::_fused_adamw_)
                            : static_cast<Update<Rate>*>(&at::_fused_adam_);
    const Tensors steps(group.parameters.size(), steps_);
    update(group.parameters, gradients, means_[index], squares_[index], /*max_exp_avg_sqs=*/{}, steps, rate,
           options_.beta1, options_.beta2, group.weight_decay, options_.epsilon, /*amsgrad=*/false,
           /*maximize=*/false, /*grad_scale=*/{}, /*found_inf=*/{});
  }

  void archive_state(Archive& archive) override {
    archive.tensor("optimizer.steps", steps_);
    for (std::size_t i = 0; i < groups().size(); ++i) {
      const Group& group = groups()[i];
      for (std::size_t j = 0; j < group.names.size(); ++j) {
        archive.tensor("optimizer.mean." + group.names[j], means_[i][j]);
        archive.tensor("optimizer.square." + group.names[j], squares_[i][j]);
      }
    }
  }

  /** LibTorch's operators take numbers by value and tensors by reference. */
  template <typename Rate>
  using Argument = std::conditional_t<std::is_same_v<Rate, double>, double, const Rate&>;
  template <typename Rate>
  using Update = void(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                      at::TensorList, Argument<Rate>, double, double, double, double, bool, bool,
                      const std::optional<at::Tensor>&, const std::optional<at::Tensor>&);

  OptimizerOptions options_;
  std::vector<Tensors> means_, squares_;
  at::Tensor steps_;  // float32 scalar
};

/** Stochastic gradient descent with momentum, as PyTorch's: no dampening, and momentum starts at zero. */
class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, const std::vector<ParameterGroup>& parameter_groups)
      : Optimizer(parameter_groups), options_(options) {
    if (options_.momentum == 0) options_.nesterov = false;
    for (const Group& group : groups()) {
      velocities_.push_back(options_.momentum == 0 ? Tensors{} : zeros_like(group.parameters));
    }
  }

 private:
  void step_group(std::size_t index, const Tensors& gradients) override {
    with_learning_rate(index, [&](const auto& rate) { step_at(rate, index, gradients); });
  }

  template <typename Rate>
  void step_at(const Rate& rate, std::size_t index, const Tensors& gradients) {
    const Group& group = groups()[index];
    at::_fused_sgd_(group.parameters, gradients, velocities_[index], group.weight_decay, options_.momentum,
                    rate,
                    /*dampening=*/0.0, options_.nesterov, /*maximize=*/false, /*is_first_step=*/false);
  }

  void archive_state(Archive& archive) override {
    for (std::size_t i = 0; i < groups().size(); ++i) {
      for (std::size_t j = 0; j < velocities_[i].size(); ++j) {
        archive.tensor("optimizer.velocity." + groups()[i].names[j], velocities_[i][j]);
      }
    }
  }

  OptimizerOptions options_;
  std::vector<Tensors> velocities_;
};

}  // namespace

std::vector<ParameterGroup> parameter_groups(const Network& network, const StageOptions& stage) {
  std::unordered_map<std::string, double> multipliers;
  for (const LayerLearningRate& rate : stage.layer_learning_rates) {
    for (const std::string& layer : rate.layers) {
      multipliers.emplace(layer, rate.learning_rate / stage.learning_rate);
    }
  }
  std::map<std::pair<double, double>, ParameterGroup> groups;
  for (const Layer* leaf : network.leaves()) {
    if (!leaf->trainable()) continue;
    const auto own = multipliers.find(leaf->name());
    const double multiplier = own == multipliers.end() ? 1 : own->second;
    for (NamedTensor& parameter : leaf->parameters()) {
      // Norms and biases have one dimension; timm recognises them in the same way.
      const bool decays = stage.optimizer.decay_norms_and_biases || parameter.tensor.dim() > 1;
      const double decay = decays ? stage.optimizer.weight_decay : 0;
      ParameterGroup& group = groups[{multiplier, decay}];
      group.rate_multiplier = multiplier;
      group.weight_decay = decay;
      group.parameters.push_back(std::move(parameter));
    }
  }
  std::vector<ParameterGroup> list;
  list.reserve(groups.size());
  for (auto& [key, group] : groups) list.push_back(std::move(group));
  return list;
}

std::unique_ptr<Optimizer> Optimizer::make(const OptimizerOptions& options,
                                           const std::vector<ParameterGroup>& groups) {
  if (options.type == OptimizerType::kSgd) return std::make_unique<Sgd>(options, groups);
  return std::make_unique<Adam>(options, groups);
}

Optimizer::Optimizer(const std::vector<ParameterGroup>& groups) {
  for (const ParameterGroup& group : groups) {
    Group& own = groups_.emplace_back(Group{{}, {}, group.rate_multiplier, group.weight_decay});
    for (const NamedTensor& parameter : group.parameters) {
      own.names.push_back(parameter.name);
      own.parameters.push_back(parameter.tensor);
      // An earlier training may have been stopped within a step and have left gradients.
      own.parameters.back().mutable_grad().reset();
    }
  }
}

std::vector<at::Tensor> Optimizer::gradients_of(const Group& group) const {
  std::vector<at::Tensor> gradients;
  gradients.reserve(group.parameters.size());
  for (const at::Tensor& parameter : group.parameters) gradients.push_back(parameter.grad());
  return gradients;
}

std::vector<at::Tensor> Optimizer::gradients() {
  std::vector<at::Tensor> gradients;
  for (Group& group : groups_) {
    for (at::Tensor& parameter : group.parameters) {
      at::Tensor& gradient = parameter.mutable_grad();
      if (!gradient.defined()) gradient = at::zeros_like(parameter.detach());
      gradients.push_back(gradient);
    }
  }
  return gradients;
}

void Optimizer::set_gradients(const std::vector<at::Tensor>& gradients) {
  auto next = gradients.begin();
  for (Group& group : groups_) {
    for (at::Tensor& parameter : group.parameters) parameter.mutable_grad() = *next++;
  }
}

void Optimizer::drop_gradients() {
  for (Group& group : groups_) {
    for (at::Tensor& parameter : group.parameters) parameter.mutable_grad().reset();
  }
}

void Optimizer::set_learning_rate(double learning_rate) {
  const at::NoGradGuard no_grad;
  for (Group& group : groups_) {
    group.learning_rate = group.rate_multiplier * learning_rate;
    const at::TensorOptions options = group.parameters.front().options().requires_grad(false);
    if (options.device().is_cpu()) continue;
    if (!group.learning_rate_on_gpu.defined()) group.learning_rate_on_gpu = at::empty({}, options);
    group.learning_rate_on_gpu.fill_(group.learning_rate);
  }
}

void Optimizer::step() {
  const at::NoGradGuard no_grad;
  begin_step();
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    step_group(i, gradients_of(groups_[i]));
  }
}

void Optimizer::clip_gradients(double norm) {
  const at::NoGradGuard no_grad;
  Tensors gradients;
  for (const Group& group : groups_) {
    const Tensors more = gradients_of(group);
    gradients.insert(gradients.end(), more.begin(), more.end());
  }
  const at::Tensor total = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)));
  at::_foreach_mul_(gradients, total.add(1e-6).reciprocal().mul(norm).clamp_max(1.0));
}

void Optimizer::archive(Archive& archive) {
  archive_state(archive);
  for (Group& group : groups_) {
    for (std::size_t i = 0; i < group.names.size(); ++i) {
      at::Tensor& parameter = group.parameters[i];
      at::Tensor gradient = parameter.grad();
      archive.optional_tensor("gradient." + group.names[i], gradient, parameter.scalar_type(),
                              parameter.sizes());
      // Fused optimisers need parameter and gradient in the same memory layout.
      if (archive.restoring() && gradient.defined()) {
        parameter.mutable_grad() = at::empty_like(parameter.detach()).copy_(gradient);
      }
    }
  }
}

}  // namespace torch_tl
