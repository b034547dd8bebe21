#include "training/training_step.h"

#include <cmath>

namespace torch_tl {

TrainingStep::TrainingStep(Network& network, const FeatureSource& data, const TrainOptions& options,
                           Optimizer& optimizer, RandomState& random)
    : network_(network),
      data_(data),
      optimizer_(optimizer),
      loss_(options.loss, network.device()),
      clip_norm_(options.clip_norm) {
  pass_.training = true;
  pass_.dropout_generator = random.dropout;
}

BatchOutcome TrainingStep::add(const at::Tensor& indices, double share) {
  const at::Tensor labels = data_.labels(indices);
  const at::Tensor logits = data_.logits(data_.inputs(indices), pass_);
  const at::Tensor loss = loss_(logits, labels);
  const auto mean_loss = loss.item<double>();
  // The whole of a step is the common case: a product with 1 would only cost time.
  if (std::isfinite(mean_loss)) (share == 1 ? loss : loss.mul(share)).backward();
  return {mean_loss, logits.detach(), labels};
}

void TrainingStep::finish(double learning_rate) {
  if (clip_norm_) optimizer_.clip_gradients(*clip_norm_);
  optimizer_.step(learning_rate);
}

}  // namespace torch_tl
