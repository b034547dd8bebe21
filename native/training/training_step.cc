#include "training/training_step.h"

#include <ATen/ops/full.h>

#include "training/augmented_batch.h"

namespace torch_tl {

TrainingStep::TrainingStep(Network& network, const FeatureSource& data, const TrainOptions& options,
                           Optimizer& optimizer, RandomState& random, Ranks& ranks)
    : network_(network),
      data_(data),
      optimizer_(optimizer),
      ranks_(ranks),
      loss_of_(options.loss, network.device()),
      one_batch_per_step_(options.gradient_accumulation_steps == 1),
      clip_norm_(options.clip_norm),
      context_(options.computation),
      whole_step_(
          network.device(),
          [this](const auto& inputs) {
            return differentiate({inputs[0], inputs[1]}, inputs.size() > 2 ? inputs[2] : at::Tensor());
          },
          random.dropout),
      update_(
          network.device(),
          [this](const auto&) {
            update();
            return CapturedWork::Tensors();
          },
          /*generator=*/{}, /*warm_up=*/0) {
  if (options.augmentation) augmentation_.emplace(*options.augmentation, random.augmentation);
  context_.training = true;
  context_.dropout_generator = random.dropout;
}

Batch TrainingStep::batch(const at::Tensor& indices) {
  const at::Tensor labels = data_.labels(indices);
  if (!augmentation_) return {data_.inputs(indices), labels};
  return augmented_batch(network_, *augmentation_, data_.pixels(indices), labels, context_.precision);
}

BatchNumbers TrainingStep::add(const at::Tensor& indices, const at::Tensor& weights, double step_weight) {
  const BatchRange own = ranks_.share().part({0, indices.size(0)});
  BatchNumbers numbers;
  if (own.size() > 0) {
    const auto weight = weights.narrow(0, own.begin, own.size()).sum().item<double>();
    numbers = add_part(indices.narrow(0, own.begin, own.size()), weight, step_weight);
  } else {
    replayed_ = false;
  }
  return summed(numbers, ranks_);
}

BatchNumbers TrainingStep::add_part(const at::Tensor& indices, double weight, double step_weight) {
  const Batch batch = this->batch(indices);
  CapturedWork::Tensors inputs{batch.images, batch.targets};
  at::Tensor share;
  // Multiplying by 1 would only cost time.
  if (weight != step_weight) {
    share = at::full({}, weight / step_weight, at::TensorOptions(network_.device()).dtype(at::kFloat));
    inputs.push_back(share);
  }
  // The second batch of a step adds to gradients that are there: other work than the first one's.
  const bool is_whole_step = one_batch_per_step_ || weight == step_weight;
  const CapturedWork::Outcome outcome =
      is_whole_step ? whole_step_(inputs) : CapturedWork::Outcome{differentiate(batch, share), false};
  replayed_ = outcome.replayed;
  if (replayed_) {
    // The capture has given the parameters their gradients; a replay, which runs on the GPU alone, does not.
    if (captured_gradients_.empty()) captured_gradients_ = optimizer_.gradients();
    optimizer_.set_gradients(captured_gradients_);
  }
  const at::Tensor labels = batch.targets.dim() == 1 ? batch.targets : batch.targets.argmax(1);
  return numbers_of(outcome.outputs[0].item<double>(), weight, outcome.outputs[1], labels);
}

/** Adds to the gradients, scaled by `share` if it is defined; returns the mean loss and the logits. */
std::vector<at::Tensor> TrainingStep::differentiate(const Batch& batch, const at::Tensor& share) {
  const at::Tensor logits = data_.logits(batch.images, context_);
  const at::Tensor loss = loss_of_(logits, batch.targets);
  (share.defined() ? loss.mul(share) : loss).backward();
  return {loss.detach(), logits.detach()};
}

void TrainingStep::finish(double learning_rate) {
  optimizer_.set_learning_rate(learning_rate);
  network_.about_to_train();
  if (!ranks_.alone()) ranks_.sum(optimizer_.gradients());
  if (replayed_) {
    update_({});
  } else {
    update();
  }
  optimizer_.drop_gradients();
}

void TrainingStep::update() {
  if (clip_norm_) optimizer_.clip_gradients(*clip_norm_);
  optimizer_.step();
}

}  // namespace torch_tl
