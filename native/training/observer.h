#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/layers.h"

namespace torch_tl {

struct StageStart {
  std::int64_t stage = 0;  // counted from 1
  std::int64_t stages = 0;
  std::int64_t trainable_parameters = 0;
};

struct BatchMetrics {
  std::int64_t epoch = 0;  // counted from 1
  std::int64_t batch = 0;  // counted from 1
  std::int64_t batches = 0;
  double loss = 0;      // mean over the epoch so far
  double accuracy = 0;  // over the epoch so far, a fraction
  double images_per_second = 0;
};

/** What validating after an epoch found. */
struct ValidationMetrics {
  double loss = 0;
  double accuracy = 0;
  std::optional<double> monitored;  // the monitor's figure, if it is another one
};

struct EpochMetrics {
  std::int64_t epoch = 0;  // counted from 1, through all stages
  std::int64_t stage = 0;  // counted from 1
  double learning_rate = 0;
  double train_loss = 0;
  double train_accuracy = 0;
  std::optional<ValidationMetrics> validation;  // none: nothing is validated
  double seconds = 0;
  bool best = false;  // so far
};

/** The whole state of a training after `epoch` epochs and `batch` batches of the next one. */
struct Checkpoint {
  std::int64_t epoch = 0;
  std::int64_t batch = 0;
  std::vector<NamedTensor> tensors;
};

enum class CachedPart { kTraining, kValidation };
enum class CachePlace { kDevice, kMemory, kFile };

/** Where the features of a set are cached. */
struct CacheReport {
  CachedPart part = CachedPart::kTraining;
  std::string cut;  // the last section that is not run again
  CachePlace place = CachePlace::kMemory;
  std::int64_t bytes = 0;
  std::int64_t images = 0;    // of the set
  std::int64_t computed = 0;  // images whose features are computed for this set
  bool reused = false;        // whether kept files have the features of all images
  std::string kept;          // directory of the kept files; empty if the features are for this training alone
  std::string why_not_kept;  // as a clause; empty if they are kept, or nobody has asked for that
  std::string reason;        // why in this place, and why an existing file was not reused
};

/** Receives the progress of a computation, on the thread that computes. */
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  Observer(Observer&&) = delete;
  Observer& operator=(Observer&&) = delete;
  virtual ~Observer() = default;

  virtual void on_cache(const CacheReport& report) = 0;
  virtual void on_features(std::int64_t done, std::int64_t total, double seconds) = 0;
  virtual void on_batch(const BatchMetrics& metrics) = 0;
  virtual void on_stage(const StageStart& stage) = 0;
  virtual void on_epoch(const EpochMetrics& metrics) = 0;
  /**
   * Called before `on_epoch` with the whole network of the best epoch so far and its logits for the
   * validation images, float32 [count, classes], both on the host. The logits are undefined if nothing is
   * validated, or the epoch was before a checkpoint without logits.
   */
  virtual void on_best(std::vector<NamedTensor> tensors, at::Tensor logits) = 0;
  /** Whether a checkpoint may be made: checkpoints are large, and the previous one may not be written yet. */
  virtual bool wants_checkpoint() = 0;
  /**
   * Called with a checkpoint after `on_epoch` and, at intervals, within an epoch, in both cases once
   * `wants_checkpoint` allows it; and when the training ends or is stopped.
   */
  virtual void on_checkpoint(Checkpoint checkpoint) = 0;
};

}  // namespace torch_tl
