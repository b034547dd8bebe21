#include "training/training_step.h"

#include "training/augmented_batch.h"

namespace torch_tl {

TrainingStep::TrainingStep(Network& network, const FeatureSource& data, const TrainOptions& options,
                           Optimizer& optimizer, RandomState& random)
    : network_(network),
      data_(data),
      optimizer_(optimizer),
      loss_of_(options.loss, network.device()),
      clip_norm_(options.clip_norm),
      context_(options.computation),
      whole_step_(
          network.device(),
          [this](const auto& inputs) {
            return differentiate({inputs[0], inputs[1]}, /*share=*/1);
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

BatchOutcome TrainingStep::add(const at::Tensor& indices, double share) {
  const Batch batch = this->batch(indices);
  const CapturedWork::Outcome outcome = share == 1
                                            ? whole_step_({batch.images, batch.targets})
                                            : CapturedWork::Outcome{differentiate(batch, share), false};
  replayed_ = outcome.replayed;
  const at::Tensor labels = batch.targets.dim() == 1 ? batch.targets : batch.targets.argmax(1);
  return {outcome.outputs[0].item<double>(), outcome.outputs[1], labels};
}

/** Adds to the gradients; returns the mean loss and the logits. */
std::vector<at::Tensor> TrainingStep::differentiate(const Batch& batch, double share) {
  const at::Tensor logits = data_.logits(batch.images, context_);
  const at::Tensor loss = loss_of_(logits, batch.targets);
  // Multiplying by 1 would only cost time.
  (share == 1 ? loss : loss.mul(share)).backward();
  return {loss.detach(), logits.detach()};
}

void TrainingStep::finish(double learning_rate) {
  optimizer_.set_learning_rate(learning_rate);
  network_.about_to_train();
  if (replayed_) {
    update_({});
  } else {
    update();
  }
}

void TrainingStep::update() {
  if (clip_norm_) optimizer_.clip_gradients(*clip_norm_);
  optimizer_.step();
}

}  // namespace torch_tl
