#include "training/rate_finder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>

#include "data/batches.h"
#include "finally.h"
#include "training/feature_source.h"
#include "training/metrics.h"
#include "training/optimizer.h"
#include "training/random_state.h"
#include "training/stopwatch.h"
#include "training/training_step.h"

namespace torch_tl {
namespace {

constexpr double kPast = 0.98;
constexpr double kDivergence = 4;

/** A network's tensors and trainable layers, which `restore` puts back. */
class Restoration {
 public:
  explicit Restoration(Network& network) : network_(network), tensors_(network.snapshot()) {
    for (const Layer* leaf : network.leaves()) {
      if (leaf->trainable()) trainable_.push_back(leaf->name());
    }
  }

  void restore() {
    network_.load(tensors_);
    network_.set_only_trainable(trainable_);
  }

 private:
  Network& network_;
  std::vector<NamedTensor> tensors_;
  std::vector<std::string> trainable_;
};

/** An endless sequence of batches, shuffled again whenever all have been taken. */
class EndlessBatches {
 public:
  EndlessBatches(std::int64_t count, std::int64_t batch_size, at::Generator& generator)
      : count_(count), ranges_(training_batch_ranges(count, batch_size)), generator_(generator) {}

  /** int64 indices on the host. */
  at::Tensor next() {
    if (position_ == 0) order_ = epoch_order(count_, generator_);
    const BatchRange& range = ranges_[position_];
    position_ = (position_ + 1) % ranges_.size();
    return order_.narrow(0, range.begin, range.size());
  }

 private:
  std::int64_t count_;
  std::vector<BatchRange> ranges_;
  at::Generator& generator_;
  at::Tensor order_;
  std::size_t position_ = 0;
};

std::vector<RatePoint> search(Network& network, const Dataset& training, const TrainOptions& options,
                              const RateFinderOptions& finder, Ranks& ranks, Observer& observer) {
  const StageOptions& stage = options.stages.front();
  if (stage.trainable) network.set_only_trainable(*stage.trainable);
  SourceOptions source_options{options.computation, options.batch_size, options.augmentation.has_value()};
  // Caching features pays only if images are used more than once.
  if (finder.steps * options.batch_size > training.count()) source_options.cache = options.feature_cache;
  source_options.keys = stage.feature_keys;
  const FeatureSource source = make_source(network, training, source_options, ranks, observer);
  RandomState random(network.device(), options.seed, ranks.share().rank);
  const std::unique_ptr<Optimizer> optimizer =
      Optimizer::make(stage.optimizer, parameter_groups(network, stage));
  TrainingStep step(network, source, options, *optimizer, random, ranks);
  EndlessBatches batches(training.count(), options.batch_size, random.order);

  std::vector<RatePoint> points;
  RunningMetrics metrics;
  const Stopwatch stopwatch;
  double average = 0;
  double lowest = std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < finder.steps; ++i) {
    ranks.check_stop();
    const double part =
        static_cast<double>(i) / static_cast<double>(std::max<std::int64_t>(finder.steps - 1, 1));
    const double rate = finder.start * std::pow(finder.end / finder.start, part);
    const at::Tensor indices = batches.next().to(network.device());
    const at::Tensor weights = step.weights(indices).to(at::kCPU);
    const BatchNumbers numbers = step.add(indices, weights, weights.sum().item<double>());
    const double loss = numbers.loss();
    if (!std::isfinite(loss)) break;
    average = kPast * average + (1 - kPast) * loss;
    const double smoothed = average / (1 - std::pow(kPast, static_cast<double>(i + 1)));
    lowest = std::min(lowest, smoothed);
    points.push_back({rate, loss, smoothed});
    metrics.add(numbers);
    observer.on_batch({1, i + 1, finder.steps, loss, metrics.accuracy(),
                       static_cast<double>(metrics.count()) / stopwatch.seconds()});
    if (smoothed > kDivergence * lowest) break;
    step.finish(rate);
  }
  return points;
}

}  // namespace

std::vector<RatePoint> find_learning_rate(Network& network, const Dataset& training,
                                          const TrainOptions& options, const RateFinderOptions& finder,
                                          Ranks& ranks, Observer& observer) {
  Restoration before(network);
  std::vector<RatePoint> points;
  finally([&] { points = search(network, training, options, finder, ranks, observer); },
          [&before] { before.restore(); });
  return points;
}

}  // namespace torch_tl
