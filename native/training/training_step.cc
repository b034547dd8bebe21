#include "training/training_step.h"

#include <cmath>

#include "training/augmented_batch.h"

namespace torch_tl {

TrainingStep::TrainingStep(Network& network, const FeatureSource& data, const TrainOptions& options,
                           Optimizer& optimizer, RandomState& random)
    : network_(network),
      data_(data),
      optimizer_(optimizer),
      loss_(options.loss, network.device()),
      clip_norm_(options.clip_norm),
      precision_(options.precision) {
  if (options.augmentation) augmentation_.emplace(*options.augmentation, random.augmentation);
  pass_.training = true;
  pass_.dropout_generator = random.dropout;
}

Batch TrainingStep::batch(const at::Tensor& indices) {
  const at::Tensor labels = data_.labels(indices);
  if (!augmentation_) return {data_.inputs(indices), labels};
  return augmented_batch(network_, *augmentation_, data_.pixels(indices), labels, precision_);
}

BatchOutcome TrainingStep::add(const at::Tensor& indices, double share) {
  const Batch batch = this->batch(indices);
  const at::Tensor logits = data_.logits(batch.images, pass_);
  const at::Tensor loss = loss_(logits, batch.targets);
  const auto mean_loss = loss.item<double>();
  // The whole of a step is the common case: a product with 1 would only cost time.
  if (std::isfinite(mean_loss)) (share == 1 ? loss : loss.mul(share)).backward();
  const at::Tensor labels = batch.targets.dim() == 1 ? batch.targets : batch.targets.argmax(1);
  return {mean_loss, logits.detach(), labels};
}

void TrainingStep::finish(double learning_rate) {
  if (clip_norm_) optimizer_.clip_gradients(*clip_norm_);
  optimizer_.step(learning_rate);
}

}  // namespace torch_tl
