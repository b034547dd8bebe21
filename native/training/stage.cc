#include "training/stage.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "errors.h"
#include "training/flat.h"
#include "training/stopwatch.h"

namespace torch_tl {
namespace {

void require_finite(double loss, std::int64_t epoch, const std::string& part) {
  if (std::isfinite(loss)) return;
  throw LossNotFinite("the loss is not finite in epoch " + std::to_string(epoch) + ", " + part +
                      ": a lower learning rate usually helps; what was saved before stays");
}

std::int64_t steps_of(std::size_t batches, std::int64_t batches_per_step) {
  return (static_cast<std::int64_t>(batches) + batches_per_step - 1) / batches_per_step;
}

/** Those of rank 0 are in the network's tensors. */
std::string statistics_name(std::size_t rank) { return "statistics." + std::to_string(rank); }

}  // namespace

void Progress::archive(Archive& archive, std::int64_t images) {
  archive.count("progress.stage", stage);
  archive.count("progress.epoch", epoch);
  archive.count("progress.stage_epoch", stage_epoch);
  archive.value("progress.stopped_early", stopped_early);
  archive.count("progress.batch", batch);
  archive.count("progress.step", step);
  archive.optional_tensor("progress.order", order, at::kLong, {images});
  metrics.archive(archive);
  archive.value("progress.equalised", equalised);
  if (!archive.restoring()) return;
  if (batch > 0 && !order.defined()) {
    throw CheckpointInvalid("it is within an epoch, and has no 'progress.order'");
  }
  if (order.defined() && !std::get<0>(order.sort()).equal(at::arange(images, at::kLong))) {
    throw CheckpointInvalid("its 'progress.order' is no order of " + std::to_string(images) + " images");
  }
}

void Progress::begin_epoch() {
  batch = 0;
  order.reset();
  metrics = {};
  equalised = false;
}

void Progress::begin_stage() {
  stage_epoch = 0;
  step = 0;
  stopped_early = false;
  // The stage before was resumed within an epoch, and is to have fewer epochs now.
  begin_epoch();
}

Stage::Stage(Network& network, const Sources& sources, const StageOptions& stage, const TrainOptions& options,
             RandomState& random, Ranks& ranks, Observer& observer)
    : network_(network),
      sources_(sources),
      options_(options),
      random_(random),
      ranks_(ranks),
      observer_(observer),
      ranges_(training_batch_ranges(sources.training.count(), options.batch_size)),
      optimizer_(Optimizer::make(stage.optimizer, parameter_groups(network, stage))),
      schedule_(stage.schedule, stage.learning_rate, stage.epochs,
                steps_of(ranges_.size(), options.gradient_accumulation_steps)),
      step_(network, sources.training, options, *optimizer_, random, ranks),
      validation_(network.device(), [this](const auto& inputs) {
        const at::Tensor logits =
            sources_.validation->logits(inputs[0], ForwardContext(options_.computation));
        return CapturedWork::Tensors{at::cross_entropy_loss(logits, inputs[1]), logits};
      }) {
  if (options.ema_decay) average_.emplace(network, *options.ema_decay);
  if (stage.early_stopping) {
    early_stopping_.emplace(stage.early_stopping->patience, stage.early_stopping->min_delta);
  }
}

void Stage::train_epoch(Progress& progress, const std::function<void()>& after_batch) {
  const Stopwatch stopwatch;
  const std::int64_t before = progress.metrics.count();
  const std::int64_t epoch = progress.epoch + 1;
  if (!progress.order.defined()) progress.order = epoch_order(sources_.training.count(), random_.order);
  const at::Tensor order = progress.order.to(network_.device());
  const at::Tensor weights = step_.weights(order).to(at::kCPU);
  while (progress.batch < batches()) {
    // Of several ranks each has a part of an unfinished step's gradients, and a checkpoint would lack them.
    if (ranks_.alone() || is_between_steps(progress)) ranks_.check_stop();
    const BatchRange& range = ranges_[progress.batch];
    const BatchNumbers numbers =
        step_.add(order.narrow(0, range.begin, range.size()), weights.narrow(0, range.begin, range.size()),
                  step_weight(progress.batch, weights));
    ++progress.batch;
    require_finite(numbers.loss(), epoch, "batch " + std::to_string(progress.batch));
    if (is_between_steps(progress) || progress.batch == batches()) {
      step_.finish(schedule_.rate(progress.step++));
      if (average_) average_->update();
    }
    progress.metrics.add(numbers);
    observer_.on_batch({epoch, progress.batch, batches(), progress.metrics.loss(),
                        progress.metrics.accuracy(),
                        static_cast<double>(progress.metrics.count() - before) / stopwatch.seconds()});
    after_batch();
  }
}

/**
 * The sum of the weights of all images of the batch's step. Several accumulated batches, or the parts of
 * several ranks, make the same step as one large batch: the mean over all of its images.
 */
double Stage::step_weight(std::int64_t batch, const at::Tensor& weights) const {
  const std::int64_t batches_per_step = options_.gradient_accumulation_steps;
  const std::int64_t first = batch / batches_per_step * batches_per_step;
  const std::int64_t end = std::min(first + batches_per_step, static_cast<std::int64_t>(ranges_.size()));
  double sum = 0;
  for (std::int64_t i = first; i < end; ++i) {
    sum += weights.narrow(0, ranges_[i].begin, ranges_[i].size()).sum().item<double>();
  }
  return sum;
}

void Stage::equalise() {
  if (ranks_.alone()) return;
  std::vector<at::Tensor> same;
  std::vector<at::Tensor> statistics;
  for (const Layer* leaf : network_.leaves()) {
    if (!leaf->trainable()) continue;
    for (const NamedTensor& parameter : leaf->parameters()) same.push_back(parameter.tensor);
    for (const NamedTensor& buffer : leaf->buffers()) {
      (buffer.tensor.is_floating_point() ? statistics : same).push_back(buffer.tensor);
    }
  }
  network_.about_to_train();
  // Processors that round differently would drift apart.
  ranks_.broadcast(same);
  // Each rank has seen its own batches only; one that has none has nothing to add.
  std::int64_t takers = 0;
  for (const BatchRange& range : ranges_) takers = std::max(takers, ranks_.share().takers(range));
  ranks_.average(statistics, takers);
}

Validation Stage::validate(std::int64_t epoch) {
  const at::NoGradGuard no_grad;
  const FeatureSource& source = *sources_.validation;
  // Each rank adds its rows to zeros.
  Validation validation{{}, at::zeros({source.count(), network_.classes()}, at::kFloat)};
  const at::Tensor order = at::arange(source.count(), at::TensorOptions(network_.device()).dtype(at::kLong));
  for (const BatchRange& range : batch_ranges(source.count(), options_.batch_size)) {
    ranks_.check_stop();
    const BatchRange own = ranks_.share().part(range);
    BatchNumbers numbers;
    if (own.size() > 0) {
      const at::Tensor indices = order.narrow(0, own.begin, own.size());
      const at::Tensor labels = source.labels(indices);
      const CapturedWork::Tensors outputs = validation_({source.inputs(indices), labels}).outputs;
      numbers = numbers_of(outputs[0].item<double>(), static_cast<double>(own.size()), outputs[1], labels);
      validation.logits.narrow(0, own.begin, own.size()).copy_(outputs[1]);
    }
    validation.metrics.add(summed(numbers, ranks_));
  }
  require_finite(validation.metrics.loss(), epoch, "validation");
  ranks_.sum({validation.logits});
  return validation;
}

bool Stage::end_epoch(double watched) {
  schedule_.end_epoch(watched);
  return early_stopping_ && early_stopping_->update(watched);
}

void Stage::archive(Archive& archive) {
  optimizer_->archive(archive);
  schedule_.archive(archive);
  if (average_) average_->archive(archive);
  if (early_stopping_) early_stopping_->archive(archive, "early_stopping");
}

/** Running statistics that train, of the network and of its moving average. */
std::vector<at::Tensor> Stage::statistics() const {
  std::vector<at::Tensor> statistics;
  for (const Layer* leaf : network_.leaves()) {
    if (!leaf->trainable()) continue;
    for (const NamedTensor& buffer : leaf->buffers()) {
      if (buffer.tensor.is_floating_point()) statistics.push_back(buffer.tensor);
    }
  }
  if (average_) {
    statistics.insert(statistics.end(), average_->statistics().begin(), average_->statistics().end());
  }
  return statistics;
}

void Stage::save_statistics(Archive& archive) const {
  const std::vector<at::Tensor> own = statistics();
  if (own.empty()) return;
  const std::vector<at::Tensor> all = ranks_.gather(flat(own));
  for (std::size_t rank = 1; rank < all.size(); ++rank) archive.tensor(statistics_name(rank), all[rank]);
}

void Stage::restore_statistics(Archive& archive) {
  const std::string name = statistics_name(ranks_.share().rank);
  if (!archive.has(name)) return;
  const std::vector<at::Tensor> own = statistics();
  if (own.empty()) throw CheckpointInvalid("its '" + name + "' is of norms that do not train");
  const at::Tensor saved = flat(own);
  archive.tensor(name, saved);
  network_.about_to_train();
  copy_flat(saved, own);
}

}  // namespace torch_tl
