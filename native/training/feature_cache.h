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

/** What the sections in front of a cut made of every image of a set. */
class FeatureCache {
 public:
  /** In memory, on whatever device, or in a file. */
  using Rows = std::variant<at::Tensor, StoredRows>;

  FeatureCache(Rows rows, const Network& network, std::size_t cut)
      : rows_(std::move(rows)), format_(network.cut_format(cut)), cut_(cut) {}

  std::size_t cut() const { return cut_; }
  /**
   * The images at `indices` (int64 [n] on the network's device), as `Network::prefix` gives them. Throws
   * FileUnreadable.
   */
  at::Tensor maps(const at::Tensor& indices) const;

 private:
  Rows rows_;
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
 * file. The observer hears where, and of the pass. Throws WriteFailed, FileUnreadable, and what the observer
 * throws.
 */
std::vector<FeatureCache> make_caches(Network& network, std::size_t cut,
                                      const std::vector<CacheRequest>& requests,
                                      const FeatureCacheOptions& options, const Extraction& extraction,
                                      Observer& observer);

}  // namespace torch_tl
