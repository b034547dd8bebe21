#include "training/trainer.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "data/batches.h"
#include "training/adam.h"
#include "training/errors.h"
#include "training/extraction.h"
#include "training/feature_source.h"
#include "training/metrics.h"
#include "training/plateau.h"
#include "training/stopwatch.h"

namespace torch_tl {
namespace {

// Keras' default for ReduceLROnPlateau.
constexpr double kPlateauMinDelta = 1e-4;

at::Generator make_generator(const at::Device& device, std::uint64_t seed) {
  if (device.is_cpu()) return at::detail::createCPUGenerator(seed);
  at::Generator generator = at::globalContext().defaultGenerator(device).clone();
  generator.set_current_seed(seed);
  return generator;
}

std::vector<at::Tensor> trainable_tensors(const Network& network) {
  std::vector<at::Tensor> tensors;
  for (const NamedTensor& parameter : network.trainable_parameters()) tensors.push_back(parameter.tensor);
  return tensors;
}

void require_finite(double loss, std::int64_t epoch, const std::string& batch) {
  if (std::isfinite(loss)) return;
  throw LossNotFinite("the loss is not finite in epoch " + std::to_string(epoch) + ", " + batch +
                      ": a lower learning rate usually helps; what was saved before stays");
}

bool is_better(const EpochMetrics& epoch, const std::optional<EpochMetrics>& best) {
  if (!best || epoch.valid_accuracy > best->valid_accuracy) return true;
  return epoch.valid_accuracy == best->valid_accuracy && epoch.valid_loss < best->valid_loss;
}

/** One training: the epochs, and what lasts from one to the next. */
class Training {
 public:
  Training(Network& network, const FeatureSource& training, const FeatureSource& validation,
           const TrainOptions& options, Observer& observer)
      : network_(network),
        training_(training),
        validation_(validation),
        options_(options),
        observer_(observer),
        adam_(trainable_tensors(network)),
        order_generator_(at::detail::createCPUGenerator(options.seed)),
        learning_rate_(options.learning_rate),
        plateau_(options.plateau.patience, kPlateauMinDelta) {
    pass_.training = true;
    pass_.dropout_generator = make_generator(network.device(), options.seed);
  }

  EpochMetrics run_epoch(std::int64_t epoch) {
    const Stopwatch stopwatch;
    const RunningMetrics trained = train_epoch(epoch);
    const RunningMetrics validated = validate(epoch);
    EpochMetrics metrics{epoch,
                         learning_rate_,
                         trained.loss(),
                         trained.accuracy(),
                         validated.loss(),
                         validated.accuracy(),
                         stopwatch.seconds()};
    if (plateau_.update(metrics.valid_loss)) {
      learning_rate_ = std::max(learning_rate_ * options_.plateau.factor,
                                std::min(learning_rate_, options_.plateau.min_learning_rate));
    }
    return metrics;
  }

 private:
  RunningMetrics train_epoch(std::int64_t epoch) {
    const Stopwatch stopwatch;
    RunningMetrics metrics;
    const at::Tensor order = epoch_order(training_.count(), order_generator_).to(network_.device());
    const std::vector<BatchRange> ranges = training_batch_ranges(training_.count(), options_.batch_size);
    const auto batches = static_cast<std::int64_t>(ranges.size());
    std::int64_t batch = 0;
    for (const BatchRange& range : ranges) {
      observer_.check_stop();
      ++batch;
      const at::Tensor indices = order.narrow(0, range.begin, range.size());
      const at::Tensor labels = training_.labels(indices);
      const at::Tensor logits = network_.logits(training_.features(indices, pass_), pass_);
      const at::Tensor loss = at::cross_entropy_loss(logits, labels);
      const auto mean_loss = loss.item<double>();
      require_finite(mean_loss, epoch, "batch " + std::to_string(batch));
      loss.backward();
      adam_.step(learning_rate_);
      metrics.add(mean_loss, logits.detach(), labels);
      observer_.on_batch({epoch, batch, batches, metrics.loss(), metrics.accuracy(),
                          static_cast<double>(metrics.count()) / stopwatch.seconds()});
    }
    return metrics;
  }

  RunningMetrics validate(std::int64_t epoch) {
    const at::NoGradGuard no_grad;
    const Pass evaluation;
    RunningMetrics metrics;
    const at::Tensor order =
        at::arange(validation_.count(), at::TensorOptions(network_.device()).dtype(at::kLong));
    for (const BatchRange& range : batch_ranges(validation_.count(), options_.batch_size)) {
      observer_.check_stop();
      const at::Tensor indices = order.narrow(0, range.begin, range.size());
      const at::Tensor labels = validation_.labels(indices);
      const at::Tensor logits = network_.logits(validation_.features(indices, evaluation), evaluation);
      metrics.add(at::cross_entropy_loss(logits, labels).item<double>(), logits, labels);
    }
    require_finite(metrics.loss(), epoch, "validation");
    return metrics;
  }

  Network& network_;
  const FeatureSource& training_;
  const FeatureSource& validation_;
  const TrainOptions& options_;
  Observer& observer_;
  Adam adam_;
  at::Generator order_generator_;
  Pass pass_;
  double learning_rate_;
  PlateauWatch plateau_;
};

struct Sources {
  FeatureSource training;
  FeatureSource validation;
};

/** With a frozen backbone the features are made once, in one pass over both sets. */
Sources make_sources(Network& network, const Dataset& training, const Dataset& validation,
                     const TrainOptions& options, Observer& observer) {
  if (!options.feature_cache || !network.backbone_frozen()) {
    return {{network, training, options.precision}, {network, validation, options.precision}};
  }
  const Stopwatch stopwatch;
  const std::int64_t total = training.count() + validation.count();
  const auto cached = [&](const Dataset& data, std::int64_t done_before) -> FeatureSource {
    const auto on_progress = [&](std::int64_t done) {
      observer.on_features(done_before + done, total, stopwatch.seconds());
      observer.check_stop();
    };
    const Extraction extraction{options.precision, options.batch_size, on_progress};
    return {network, data, extract_features(network, data, extraction)};
  };
  return {cached(training, 0), cached(validation, training.count())};
}

}  // namespace

TrainResult train(Network& network, const Dataset& training, const Dataset& validation,
                  const TrainOptions& options, Observer& observer,
                  const std::function<void(std::vector<NamedTensor>)>& keep_best) {
  const Stopwatch total;
  const Sources sources = make_sources(network, training, validation, options, observer);
  TrainResult result;
  result.feature_seconds = total.seconds();

  const Stopwatch epochs_time;
  Training epochs(network, sources.training, sources.validation, options, observer);
  std::optional<PlateauWatch> early_stopping;
  if (options.early_stopping) {
    early_stopping.emplace(options.early_stopping->patience, options.early_stopping->min_delta);
  }
  std::optional<EpochMetrics> best;
  std::int64_t epoch = 0;
  while (epoch < options.epochs) {
    EpochMetrics metrics = epochs.run_epoch(++epoch);
    metrics.best = is_better(metrics, best);
    if (metrics.best) {
      best = metrics;
      keep_best(network.snapshot());
    }
    observer.on_epoch(metrics);
    if (early_stopping && early_stopping->update(metrics.valid_loss)) {
      result.stopped_because = StopReason::kEarlyStopping;
      break;
    }
  }
  result.training_seconds = epochs_time.seconds();
  result.total_seconds = total.seconds();
  result.images_per_second = static_cast<double>(training.count() * epoch) / result.training_seconds;
  return result;
}

Gradients gradients(Network& network, const Dataset& data, at::ScalarType precision, std::uint64_t seed) {
  Pass pass;
  pass.training = true;
  pass.dropout_generator = make_generator(network.device(), seed);
  const at::Tensor logits =
      network.logits(network.features(network.preprocess(data.pixels, precision), pass), pass);
  const at::Tensor loss = at::cross_entropy_loss(logits, data.labels);
  loss.backward();
  Gradients result{loss.item<double>(), {}};
  for (const NamedTensor& parameter : network.trainable_parameters()) {
    result.gradients.push_back({parameter.name, parameter.tensor.grad().to(at::kCPU).contiguous()});
    parameter.tensor.mutable_grad().reset();
  }
  return result;
}

}  // namespace torch_tl
