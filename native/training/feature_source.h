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

/** Where a set's batches come from: its images, or a cache of what frozen sections made of them. */
class FeatureSource {
 public:
  FeatureSource(Network& network, const Dataset& data, const Computation& computation)
      : network_(network), data_(data), precision_(computation.precision) {}
  FeatureSource(Network& network, const Dataset& data, FeatureCache cache)
      : network_(network), data_(data), cache_(std::move(cache)) {}

  /*
   * `indices` are int64 [n], on the network's device.
   */

  /** What goes into `logits`: maps of the cache, or preprocessed images. */
  at::Tensor inputs(const at::Tensor& indices) const;
  /** What the rest of the network makes of them: [n, classes], float32. */
  at::Tensor logits(const at::Tensor& inputs, const Pass& pass) const;
  /** uint8 [n, height, width, 3] */
  at::Tensor pixels(const at::Tensor& indices) const;
  /** int64 [n] */
  at::Tensor labels(const at::Tensor& indices) const;
  std::int64_t count() const { return data_.count(); }

 private:
  Network& network_;
  const Dataset& data_;
  at::ScalarType precision_ = at::kFloat;  // of images
  std::optional<FeatureCache> cache_;
};

struct SourceOptions {
  Computation computation;
  std::int64_t batch_size = 128;
  /** Training images change from epoch to epoch: only the validation set is worth a cache. */
  bool augmented = false;
  std::optional<FeatureCacheOptions> cache;
  /** Keeps what is cached in files, if these are of the cut in hand. */
  std::optional<FeatureKeys> keys;
};

struct Sources {
  /** Of the caches; 0 without any. They are good for as long as the network's frozen cut is this one. */
  std::size_t cut = 0;
  FeatureSource training;
  FeatureSource validation;
};

/**
 * With a cache, what does not train at the front of the network runs once over each set. Throws what
 * `make_caches` throws.
 */
Sources make_sources(Network& network, const Dataset& training, const Dataset& validation,
                     const SourceOptions& options, Observer& observer);

/** The same for one set that is trained on. */
FeatureSource make_source(Network& network, const Dataset& training, const SourceOptions& options,
                          Observer& observer);

}  // namespace torch_tl
