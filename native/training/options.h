#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/augmentation.h"
#include "model/layers.h"
#include "training/feature_keys.h"

namespace torch_tl {

enum class OptimizerType { kAdam, kAdamW, kSgd };

struct OptimizerOptions {
  OptimizerType type = OptimizerType::kAdam;
  double beta1 = 0.9;  // of Adam and AdamW
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double momentum = 0.9;  // of SGD
  bool nesterov = true;
  double weight_decay = 0.0;
  bool decay_norms_and_biases = false;
};

enum class ScheduleType { kConstant, kCosine, kOneCycle, kStep, kPlateau };

struct ScheduleOptions {
  ScheduleType type = ScheduleType::kConstant;
  double warmup_epochs = 0;
  double min_learning_rate = 0;
  std::int64_t step_epochs = 1;
  double step_factor = 1;
  double plateau_factor = 0.1;
  std::int64_t plateau_patience = 5;
};

/** Keras' EarlyStopping on the validation loss or the monitor's figure. */
struct EarlyStoppingOptions {
  std::int64_t patience = 15;
  double min_delta = 1e-5;
};

/** Where features are kept for later trainings. */
struct KeptFeatures {
  std::string directory;
  /** Bytes of all files in the directory, if it is torch-tl's own; none for a directory of the user's. */
  std::optional<std::int64_t> limit;
};

struct FeatureCacheOptions {
  /** Directory of temporary files for features that are too large for memory and are not kept. */
  std::string directory;
  std::int64_t memory_limit = 0;  // bytes
  std::optional<KeptFeatures> kept;
};

/** Leaf layers, by their full names, with their own learning rate. */
struct LayerLearningRate {
  std::vector<std::string> layers;
  double learning_rate = 0;
};

/** A part of a training: which layers train, for how long and how. */
struct StageOptions {
  std::int64_t epochs = 32;
  std::optional<std::vector<std::string>> trainable;  // leaf layers, all others being frozen; none: no change
  OptimizerOptions optimizer;
  double learning_rate = 1e-3;
  std::vector<LayerLearningRate> layer_learning_rates;
  ScheduleOptions schedule;
  std::optional<EarlyStoppingOptions> early_stopping;
  std::optional<FeatureKeys> feature_keys;  // without them no features are kept
};

struct LossOptions {
  double label_smoothing = 0;
  std::vector<double> class_weights;  // one per class, or empty
};

/** The figure of a validation that decides the best epoch, early stopping and the plateau schedule. */
enum class Monitor { kLoss, kAccuracy, kBalancedAccuracy, kMacroF1 };

struct TrainOptions {
  std::int64_t batch_size = 128;
  std::uint64_t seed = 0;
  Computation computation;
  std::optional<FeatureCacheOptions> feature_cache;
  std::vector<StageOptions> stages;
  LossOptions loss;
  std::optional<Monitor> monitor;
  std::optional<double> clip_norm;
  std::int64_t gradient_accumulation_steps = 1;
  std::optional<double> ema_decay;
  std::optional<AugmentationOptions> augmentation;
  bool checkpoints = false;                  // whether the observer gets checkpoints
  std::optional<double> checkpoint_seconds;  // interval of checkpoints within an epoch
};

}  // namespace torch_tl
