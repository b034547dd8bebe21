#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "data/dataset.h"
#include "model/network.h"
#include "training/feature_cache.h"
#include "training/observer.h"
#include "training/options.h"

namespace torch_tl {

/** The source of a set's batches: its images, or a cache of the frozen sections' output. */
class FeatureSource {
 public:
  FeatureSource(Network& network, const Dataset& data, const Computation& computation)
      : network_(network), data_(data), precision_(computation.precision) {}
  FeatureSource(Network& network, const Dataset& data, FeatureCache cache)
      : network_(network), data_(data), cache_(std::move(cache)) {}

  /* `indices` are int64 [n], on the network's device. */

  /** The inputs of `logits`: cached maps, or preprocessed images. */
  at::Tensor inputs(const at::Tensor& indices) const;
  /** Runs the rest of the network: [n, classes], float32. */
  at::Tensor logits(const at::Tensor& inputs, const ForwardContext& context) const;
  /** uint8 [n, height, width, 3] */
  at::Tensor pixels(const at::Tensor& indices) const;
  /** int64 [n] */
  at::Tensor labels(const at::Tensor& indices) const;
  std::int64_t count() const { return data_.count(); }

 private:
  Network& network_;
  const Dataset& data_;
  at::ScalarType precision_ = at::kFloat;  // of preprocessed images
  std::optional<FeatureCache> cache_;
};

struct SourceOptions {
  Computation computation;
  std::int64_t batch_size = 128;
  /** Whether training images change from epoch to epoch, so that only the validation set can be cached. */
  bool augmented = false;
  std::optional<FeatureCacheOptions> cache;
  /** Under which keys to keep what is cached, if they are for the present cut. */
  std::optional<FeatureKeys> keys;
};

struct Sources {
  /** The cut of the caches, which are valid while it is the network's frozen cut; 0 without caches. */
  std::size_t cut = 0;
  FeatureSource training;
  std::optional<FeatureSource> validation;  // none: nothing is validated
};

/**
 * Makes the sources of a training; `validation` is null if nothing is validated. With a cache, the frozen
 * front of the network runs once over each set. Throws what `make_caches` throws.
 */
Sources make_sources(Network& network, const Dataset& training, const Dataset* validation,
                     const SourceOptions& options, Ranks& ranks, Observer& observer);

/** Makes the source of a training set alone. */
FeatureSource make_source(Network& network, const Dataset& training, const SourceOptions& options,
                          Ranks& ranks, Observer& observer);

}  // namespace torch_tl
