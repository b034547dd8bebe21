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

namespace {

CacheRequest request_for(const Network& network, std::size_t cut, CachedPart part, const Dataset& data,
                         const SourceOptions& options) {
  CacheRequest request{part, data};
  if (options.keys && options.keys->cut == network.cut_name(cut)) {
    request.keys = part == CachedPart::kTraining ? &options.keys->training : &options.keys->validation;
    request.about = options.keys->about;
  }
  return request;
}

}  // namespace

FeatureSource make_source(Network& network, const Dataset& training, const SourceOptions& options,
                          Ranks& ranks, Observer& observer) {
  const std::size_t cut = options.cache && !options.augmented ? network.frozen_cut() : 0;
  if (cut == 0) return {network, training, options.computation};
  const CacheRequest request = request_for(network, cut, CachedPart::kTraining, training, options);
  const std::vector<FeatureCache> caches = make_caches(
      network, cut, {request}, *options.cache, {options.computation, options.batch_size}, ranks, observer);
  return {network, training, caches.front()};
}

Sources make_sources(Network& network, const Dataset& training, const Dataset* validation,
                     const SourceOptions& options, Ranks& ranks, Observer& observer) {
  const std::size_t cut = options.cache ? network.frozen_cut() : 0;
  const bool trains_on_maps = cut > 0 && !options.augmented;
  std::vector<CacheRequest> requests;
  if (trains_on_maps) {
    requests.push_back(request_for(network, cut, CachedPart::kTraining, training, options));
  }
  if (cut > 0 && validation != nullptr) {
    requests.push_back(request_for(network, cut, CachedPart::kValidation, *validation, options));
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
