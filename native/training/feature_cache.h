#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/MemoryFormat.h>

#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "data/dataset.h"
#include "data/stored_rows.h"
#include "model/network.h"
#include "training/extraction.h"
#include "training/observer.h"
#include "training/options.h"

namespace torch_tl {

/** The maps at a cut of every image of a set. */
class FeatureCache {
 public:
  /** A tensor on any device, or rows in a file. */
  using Rows = std::variant<at::Tensor, StoredRows>;

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
  std::string key;  // name of the file to keep; empty to keep none
};

/**
 * Makes the cache of each set at a cut. Maps with a key are read from the cache's directory if they are
 * there. All others are computed in one pass, and kept in the first place with enough room: the network's
 * device if that is a GPU, memory, a file. Several ranks share the pass out, and those of a machine one file.
 * Reports the place and the progress of the pass to the observer. Throws WriteFailed, FileUnreadable, and
 * what `Ranks` throws.
 */
std::vector<FeatureCache> make_caches(Network& network, std::size_t cut,
                                      const std::vector<CacheRequest>& requests,
                                      const FeatureCacheOptions& options, const Extraction& extraction,
                                      Ranks& ranks, Observer& observer);

}  // namespace torch_tl
