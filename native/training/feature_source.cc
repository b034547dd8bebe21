#include "training/feature_source.h"

#include <vector>

namespace torch_tl {

at::Tensor FeatureSource::inputs(const at::Tensor& indices) const {
  return cache_ ? cache_->maps(indices) : network_.preprocess(pixels(indices), precision_);
}

at::Tensor FeatureSource::logits(const at::Tensor& inputs, const ForwardContext& context) const {
  return network_.logits_from(inputs, cache_ ? cache_->cut() : 0, context);
}

at::Tensor FeatureSource::pixels(const at::Tensor& indices) const { return data_.images(indices); }

at::Tensor FeatureSource::labels(const at::Tensor& indices) const {
  return data_.labels.index_select(0, indices);
}

FeatureSource make_source(Network& network, const Dataset& training, const SourceOptions& options,
                          Ranks& ranks, Observer& observer) {
  const std::size_t cut = options.cache && !options.augmented ? network.frozen_cut() : 0;
  if (cut == 0) return {network, training, options.computation};
  const std::vector<FeatureCache> caches =
      make_caches(network, cut, {{CachedPart::kTraining, training, {}}}, *options.cache,
                  {options.computation, options.batch_size}, ranks, observer);
  return {network, training, caches.front()};
}

Sources make_sources(Network& network, const Dataset& training, const Dataset* validation,
                     const SourceOptions& options, Ranks& ranks, Observer& observer) {
  const std::size_t cut = options.cache ? network.frozen_cut() : 0;
  const bool trains_on_maps = cut > 0 && !options.augmented;
  FeatureKeys keys;
  if (cut > 0 && options.keys && options.keys->cut == network.cut_name(cut)) keys = *options.keys;
  std::vector<CacheRequest> requests;
  if (trains_on_maps) requests.push_back({CachedPart::kTraining, training, keys.training});
  if (cut > 0 && validation != nullptr) {
    requests.push_back({CachedPart::kValidation, *validation, keys.validation});
  }
  std::vector<FeatureCache> caches;
  if (!requests.empty()) {
    caches = make_caches(network, cut, requests, *options.cache, {options.computation, options.batch_size},
                         ranks, observer);
  }
  Sources sources{cut,
                  trains_on_maps ? FeatureSource(network, training, caches.front())
                                 : FeatureSource(network, training, options.computation),
                  std::nullopt};
  if (validation == nullptr) return sources;
  if (cut > 0) {
    sources.validation.emplace(network, *validation, caches.back());
  } else {
    sources.validation.emplace(network, *validation, options.computation);
  }
  return sources;
}

}  // namespace torch_tl
