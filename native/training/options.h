#pragma once

#include <ATen/core/ScalarType.h>

#include <cstdint>
#include <optional>

namespace torch_tl {

/** Keras' ReduceLROnPlateau on the validation loss. */
struct PlateauOptions {
  double factor = 0.1;
  std::int64_t patience = 5;
  double min_learning_rate = 1e-5;
};

/** Keras' EarlyStopping on the validation loss. */
struct EarlyStoppingOptions {
  std::int64_t patience = 15;
  double min_delta = 1e-5;
};

struct TrainOptions {
  std::int64_t batch_size = 128;
  std::int64_t epochs = 32;
  std::uint64_t seed = 0;
  at::ScalarType precision = at::kFloat;
  bool feature_cache = true;
  double learning_rate = 1e-3;
  PlateauOptions plateau;
  std::optional<EarlyStoppingOptions> early_stopping;
};

}  // namespace torch_tl
