#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/MemoryFormat.h>

#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "data/dataset.h"
#include "data/gathered_rows.h"
#include "model/network.h"
#include "training/extraction.h"
#include "training/feature_keys.h"
#include "training/observer.h"
#include "training/options.h"

namespace torch_tl {

/** The maps at a cut of every image of a set. */
class FeatureCache {
 public:
  /** A tensor on any device, or rows in files. */
  using Rows = std::variant<at::Tensor, GatheredRows>;

  FeatureCache(Rows rows, const Network& network, std::size_t cut)
      : rows_(std::move(rows)), format_(network.cut_format(cut)), cut_(cut) {}

  std::size_t cut() const { return cut_; }
  /**
   * The maps of the images at `indices` (int64 [n] on the network's device), as `Network::prefix` returns
   * them. Throws FileUnreadable.
   */
  at::Tensor maps(const at::Tensor& indices) const;

 private:
  Rows rows_;
  at::MemoryFormat format_;
  std::size_t cut_;
};

/** A set for whose maps a cache is wanted. */
struct CacheRequest {
  CachedPart part;
  const Dataset& data;
  const SetKeys* keys = nullptr;  // under which they are kept for later trainings; none keeps none
  std::string about{};            // their origin in words
};

/**
 * Makes the cache of each set at a cut. Features with keys are read from kept files where they are there. All
 * others are computed, each image's once, and those with keys are kept. While the training runs they lie in
 * the first place with enough room: the network's device if that is a GPU, memory, a file; but those that are
 * kept in a directory of the user's stay in their files. Several ranks share the computation out, and those
 * of a machine one file. Reports the place and the progress to the observer. Throws WriteFailed,
 * FileUnreadable, and what `Ranks` throws.
 */
std::vector<FeatureCache> make_caches(Network& network, std::size_t cut,
                                      const std::vector<CacheRequest>& requests,
                                      const FeatureCacheOptions& options, const Extraction& extraction,
                                      Ranks& ranks, Observer& observer);

}  // namespace torch_tl
