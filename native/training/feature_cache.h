#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/MemoryFormat.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "model/network.h"
#include "training/extraction.h"
#include "training/observer.h"
#include "training/options.h"

namespace torch_tl {

/** What the sections in front of a cut made of every picture of a set. */
class FeatureCache {
 public:
  FeatureCache(at::Tensor rows, const Network& network, std::size_t cut)
      : rows_(std::move(rows)), format_(network.cut_format(cut)), cut_(cut) {}

  std::size_t cut() const { return cut_; }
  /** The pictures at `indices` (int64 [n] on the network's device), as `Network::prefix` gives them. */
  at::Tensor maps(const at::Tensor& indices) const;

 private:
  at::Tensor rows_;
  at::MemoryFormat format_;
  std::size_t cut_;
};

/** A set whose maps are wanted. */
struct CacheRequest {
  CachedPart part;
  const Dataset& data;
  std::string key;  // empty where its file is not to be kept
};

/**
 * The maps of each set at a cut. Those with a key are looked for in the cache's directory; the others are
 * made in one pass, and kept where they have room: on the network's device if that is a GPU, in memory, in a
 * file. The observer hears where, and of the pass. Throws WriteFailed, and what the observer throws.
 */
std::vector<FeatureCache> make_caches(Network& network, std::size_t cut,
                                      const std::vector<CacheRequest>& requests,
                                      const FeatureCacheOptions& options, const Extraction& extraction,
                                      Observer& observer);

}  // namespace torch_tl
