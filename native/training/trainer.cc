#include "training/trainer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cross_entropy_loss.h>

#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "errors.h"
#include "training/archive.h"
#include "training/feature_source.h"
#include "training/monitor.h"
#include "training/random_state.h"
#include "training/stage.h"
#include "training/stopwatch.h"

namespace torch_tl {
namespace {

/** The best epoch so far, with the network as it was then and its logits for the validation images. */
struct Best {
  double score = -std::numeric_limits<double>::infinity();
  double loss = std::numeric_limits<double>::infinity();
  std::vector<NamedTensor> tensors;
  at::Tensor logits;  // undefined if nothing is validated, or a checkpoint had none

  bool is_beaten_by(double other_score, double other_loss) const {
    if (other_score != score) return other_score > score;
    return other_loss < loss;
  }

  /** @param like the network's tensors */
  void archive(Archive& archive, const std::vector<NamedTensor>& like, at::IntArrayRef logits_shape) {
    // Older checkpoints are of trainings without a monitor.
    const bool is_older = archive.restoring() && !archive.has("best_epoch.score");
    archive.value(is_older ? "best_epoch.accuracy" : "best_epoch.score", score);
    archive.value("best_epoch.loss", loss);
    archive.shared_tensors("best.", tensors, like);
    archive.optional_tensor("best_epoch.logits", logits, at::kFloat, logits_shape);
  }
};

class Trainer {
 public:
  Trainer(Network& network, const Dataset& training, const Dataset* validation, const TrainOptions& options,
          Ranks& ranks, Observer& observer)
      : network_(network),
        training_(training),
        validation_(validation),
        options_(options),
        ranks_(ranks),
        observer_(observer),
        random_(network.device(), options.seed, ranks.share().rank) {}

  TrainResult run(const std::vector<NamedTensor>& checkpoint) {
    std::optional<Archive> resumed;
    if (!checkpoint.empty()) {
      resumed.emplace(checkpoint);
      archive_training(*resumed);
      random_.restore(*resumed, ranks_.share().rank, progress_.epoch);
      if (!best_.tensors.empty()) observer_.on_best(best_.tensors, best_.logits);
    }
    take_network_of_first();
    const std::int64_t epochs_before = progress_.epoch;
    const auto stages = static_cast<std::int64_t>(options_.stages.size());
    if (progress_.stage >= stages)
      throw CheckpointInvalid("it is in a stage that this training does not have");
    for (; progress_.stage < stages; ++progress_.stage) {
      run_stage(options_.stages[progress_.stage], resumed ? &*resumed : nullptr);
      resumed.reset();
    }
    const std::int64_t images = training_.count() * (progress_.epoch - epochs_before);
    result_.total_seconds = total_time_.seconds();
    result_.training_seconds = result_.total_seconds - result_.feature_seconds;
    result_.images_per_second = static_cast<double>(images) / result_.training_seconds;
    return result_;
  }

 private:
  void run_stage(const StageOptions& options, Archive* resumed) {
    if (options.trainable) network_.set_only_trainable(*options.trainable);
    announce();
    prepare_sources(options);
    Stage stage(network_, *sources_, options, options_, random_, ranks_, observer_);
    stage_ = &stage;
    frozen_ = network_.snapshot(/*trainable=*/false);
    if (resumed != nullptr) {
      restore_stage(*resumed);
    } else {
      progress_.begin_stage();
    }
    try {
      while (!progress_.stopped_early && progress_.stage_epoch < options.epochs) run_epoch();
    } catch (const Aborted&) {
      save_checkpoint();
      throw;
    } catch (const PeerStopped&) {
      save_checkpoint();
      throw;
    }
    if (epoch_unsaved_) save_checkpoint();
    stage_ = nullptr;
    result_.stopped_because = progress_.stopped_early ? StopReason::kEarlyStopping : StopReason::kEpochs;
    if (!best_.tensors.empty()) network_.load(best_.tensors);
  }

  /** Makes the sources of a stage, or keeps those of the stage before if the same sections are frozen. */
  void prepare_sources(const StageOptions& options) {
    if (sources_ && (!options_.feature_cache || sources_->cut == network_.frozen_cut())) return;
    const Stopwatch features_time;
    sources_.reset();
    const SourceOptions source_options{options_.computation, options_.batch_size,
                                       options_.augmentation.has_value(), options_.feature_cache,
                                       options.feature_keys};
    sources_.emplace(make_sources(network_, training_, validation_, source_options, ranks_, observer_));
    result_.feature_seconds += features_time.seconds();
  }

  /** Restores a stage. A checkpoint does not freeze layers: they must be as they were. */
  void restore_stage(Archive& archive) {
    const std::int64_t now = trainable_parameters();
    std::int64_t then = now;
    archive.value("stage.trainable_parameters", then);
    if (then != now) {
      throw CheckpointInvalid("it was made with " + std::to_string(then) +
                              " trainable parameters where now there are " + std::to_string(now) +
                              "; freeze the layers that were frozen then");
    }
    stage_->archive(archive);
    if (progress_.batch > stage_->batches())
      throw CheckpointInvalid("it is behind the last batch of an epoch");
    stage_->restore_statistics(archive);
    // The gradients of an unfinished step are those of all ranks: one of them adds them.
    if (!ranks_.first()) stage_->drop_gradients();
  }

  void run_epoch() {
    const Stopwatch stopwatch;
    stage_->train_epoch(progress_, [this] { after_batch(); });
    EpochMetrics metrics;
    metrics.epoch = progress_.epoch + 1;
    metrics.stage = progress_.stage + 1;
    metrics.learning_rate = stage_->learning_rate(progress_);
    metrics.train_loss = progress_.metrics.loss();
    metrics.train_accuracy = progress_.metrics.accuracy();
    // Not twice if the epoch was stopped in its validation: the mean of equal values may differ in the last
    // bit.
    if (!progress_.equalised) stage_->equalise();
    with_averages(stage_->average(), [&] {
      if (stage_->average() != nullptr && !progress_.equalised) stage_->equalise();
      progress_.equalised = true;
      if (validation_ == nullptr) {
        metrics.best = true;
        keep_best({});
      } else {
        validate(metrics);
      }
    });
    metrics.seconds = stopwatch.seconds();
    end_epoch(metrics.validation);
    observer_.on_epoch(metrics);
    epoch_unsaved_ = options_.checkpoints;
    if (ranks_.answer_of_first(is_checkpoint_due())) save_checkpoint();
  }

  void end_epoch(const std::optional<ValidationMetrics>& validation) {
    progress_.stopped_early = validation && stage_->end_epoch(watched_of(options_.monitor, *validation));
    ++progress_.epoch;
    ++progress_.stage_epoch;
    progress_.begin_epoch();
  }

  void validate(EpochMetrics& metrics) {
    const Validation validation = stage_->validate(metrics.epoch);
    metrics.validation = {validation.metrics.loss(), validation.metrics.accuracy(),
                          monitored(options_.monitor, validation.logits, validation_->labels)};
    const double score = score_of(options_.monitor, *metrics.validation);
    metrics.best = best_.is_beaten_by(score, metrics.validation->loss);
    if (!metrics.best) return;
    best_.score = score;
    best_.loss = metrics.validation->loss;
    keep_best(validation.logits);
  }

  void keep_best(const at::Tensor& logits) {
    best_.tensors = snapshot();
    best_.logits = logits;
    observer_.on_best(best_.tensors, best_.logits);
  }

  /** The network on the host. Frozen tensors are copied only once, when the stage begins. */
  std::vector<NamedTensor> snapshot() const {
    std::vector<NamedTensor> tensors = network_.snapshot(/*trainable=*/true);
    tensors.insert(tensors.end(), frozen_.begin(), frozen_.end());
    return tensors;
  }

  void announce() {
    const auto stages = static_cast<std::int64_t>(options_.stages.size());
    observer_.on_stage({progress_.stage + 1, stages, trainable_parameters()});
  }

  std::int64_t trainable_parameters() const {
    std::int64_t count = 0;
    for (const NamedTensor& parameter : network_.trainable_parameters()) count += parameter.tensor.numel();
    return count;
  }

  void after_batch() {
    if (!ranks_.alone() && !stage_->is_between_steps(progress_)) return;
    if (ranks_.wished_by_first(is_checkpoint_due())) save_checkpoint();
  }

  bool is_checkpoint_due() {
    const bool time_is_up =
        options_.checkpoint_seconds && since_checkpoint_.seconds() >= *options_.checkpoint_seconds;
    return (epoch_unsaved_ || time_is_up) && observer_.wants_checkpoint();
  }

  /** Rank 0 has the checkpoint; the others give it what is theirs alone. */
  void save_checkpoint() {
    if (!options_.checkpoints) return;
    Archive archive;
    random_.save(archive, ranks_);
    if (!ranks_.alone() && progress_.batch > 0) stage_->save_statistics(archive);
    if (ranks_.first()) complete_checkpoint(archive);
    since_checkpoint_ = Stopwatch();
    epoch_unsaved_ = false;
  }

  void complete_checkpoint(Archive& archive) {
    archive_training(archive);
    std::int64_t trainable = trainable_parameters();
    archive.value("stage.trainable_parameters", trainable);
    stage_->archive(archive);
    observer_.on_checkpoint({progress_.epoch, progress_.batch, archive.take()});
  }

  /** Ranks may have drawn or loaded other weights: all begin with those of rank 0. */
  void take_network_of_first() {
    if (ranks_.alone()) return;
    const std::vector<NamedTensor> state = network_.snapshot();
    std::vector<at::Tensor> tensors;
    tensors.reserve(state.size());
    for (const NamedTensor& one : state) tensors.push_back(one.tensor);
    ranks_.broadcast(tensors);
    network_.load(state);
  }

  /**
   * Saves or restores all state but that of the generators, and the stage's, which can be restored only after
   * the stage is made.
   */
  void archive_training(Archive& archive) {
    const std::vector<NamedTensor> like = network_.tensors();
    progress_.archive(archive, training_.count());
    best_.archive(archive, like, {validation_ == nullptr ? 0 : validation_->count(), network_.classes()});
    std::vector<NamedTensor> network;
    if (!archive.restoring()) network = snapshot();
    archive.shared_tensors("model.", network, like);
    if (!archive.restoring()) return;
    if (network.empty()) throw CheckpointInvalid("it has no weights");
    network_.load(network);
  }

  Network& network_;
  const Dataset& training_;
  const Dataset* validation_;  // null: nothing is validated
  const TrainOptions& options_;
  Ranks& ranks_;
  Observer& observer_;
  RandomState random_;
  Progress progress_;
  Best best_;
  std::optional<Sources> sources_;
  Stage* stage_ = nullptr;  // the running one
  std::vector<NamedTensor> frozen_;
  TrainResult result_;
  Stopwatch total_time_;
  Stopwatch since_checkpoint_;
  bool epoch_unsaved_ = false;  // an epoch has ended since the last checkpoint, and checkpoints are kept
};

}  // namespace

TrainResult train(Network& network, const Dataset& training, const Dataset* validation,
                  const TrainOptions& options, const std::vector<NamedTensor>& checkpoint, Ranks& ranks,
                  Observer& observer) {
  return Trainer(network, training, validation, options, ranks, observer).run(checkpoint);
}

Gradients gradients(Network& network, const Dataset& data, const Computation& computation,
                    std::uint64_t seed) {
  // A training that was stopped within a step may have left gradients.
  for (const NamedTensor& parameter : network.trainable_parameters()) parameter.tensor.mutable_grad().reset();
  ForwardContext context(computation);
  context.training = true;
  context.dropout_generator = RandomState(network.device(), seed).dropout;
  const at::Tensor pixels = data.images(BatchRange{0, data.count()});
  const at::Tensor images = network.preprocess(pixels, context.precision);
  const at::Tensor logits = network.logits(network.features(images, context), context);
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
