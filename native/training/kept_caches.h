#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "training/feature_cache.h"
#include "training/feature_pass.h"
#include "training/kept_features.h"

namespace torch_tl {

/**
 * The caches of sets whose features have one origin and are kept. Every image is computed once, whatever sets
 * it is in and however often, and not at all if a kept file has its features. All that is computed becomes
 * one new file. All members are collectives of the ranks.
 */
class KeptCaches {
 public:
  /** Looks for the features, and for room for those that are missing. `requests` have keys of one origin. */
  KeptCaches(FeaturePass& pass, std::vector<CacheRequest> requests);

  /** Why the missing features cannot be kept, as a clause; empty if they can, or none is missing. */
  const std::string& why_not() const { return why_not_; }
  /** Number of images that will be computed. */
  std::int64_t missing() const { return static_cast<std::int64_t>(missing_.size()); }
  /** Makes the cache of each set. Throws WriteFailed and FileUnreadable. */
  std::vector<FeatureCache> make();

 private:
  /** An image of the sets. */
  struct Image {
    std::size_t set;
    std::int64_t index;
  };

  void agree_on_found();
  bool is_found(std::int64_t image) const;
  CacheReport report_of(std::size_t set, CachePlace place) const;
  CachePlace place_of(const RowsLayout& layout);
  at::Tensor preprocessed(const BatchRange& missing) const;
  StoredRows compute(const std::function<void()>& report);
  FeatureCache cache(std::size_t set, CachePlace place) const;

  FeaturePass& pass_;
  const KeptFeatures& kept_;
  std::vector<CacheRequest> requests_;
  std::vector<Image> images_;                      // all different images
  std::vector<ImageKey> keys_;                     // of these
  std::vector<std::vector<std::int64_t>> of_set_;  // for each set, its images' positions among these
  FoundFeatures found_;
  std::vector<std::int64_t> missing_;  // images without features
  std::string why_not_;
};

}  // namespace torch_tl
