#pragma once

#include <cstdint>
#include <string>

#include "data/stored_rows.h"
#include "model/network.h"
#include "training/extraction.h"
#include "training/observer.h"
#include "training/options.h"
#include "training/ranks.h"
#include "training/stopwatch.h"

namespace torch_tl {

/** What the caches of one training share: how their features are computed, the memory for them, the progress.
 */
class FeaturePass {
  /** What is left of the memory, and how many images are computed of all that will be. */
  struct State {
    std::int64_t memory_left = 0;
    std::int64_t done = 0;
    std::int64_t total = 0;
  };

 public:
  /** `image` is any data set, of whose first image the layout of all rows is learnt. */
  FeaturePass(Network& network, std::size_t cut, const Dataset& image, const FeatureCacheOptions& options,
              const Extraction& extraction, Ranks& ranks, Observer& observer);

  Network& network() const { return network_; }
  std::size_t cut() const { return cut_; }
  const FeatureCacheOptions& options() const { return options_; }
  const Extraction& extraction() const { return extraction_; }
  Ranks& ranks() const { return ranks_; }

  /** The layout of the rows of `count` images. */
  RowsLayout layout(std::int64_t count) const;
  /** Takes `bytes` of the memory for features, if that much is left. */
  bool take_memory(std::size_t bytes);
  std::int64_t memory_left() const { return state_.memory_left; }

  /** Announces images that will be computed, before any are. */
  void expect(std::int64_t images) { state_.total += images; }
  /** Computes the rows of `count` images, as `extract_rows` does, and reports the progress. */
  void run(std::int64_t count, const ImagesOf& images, const KeepBatch& keep);
  /** Reports where a set's features are; fills in the cut. */
  void report(CacheReport report) const;
  /** Throws if the work is to stop. What one rank copies is no affair of the others: they stop later. */
  void check_stop() const;

  /** Work that may fail and be done in another way: unless it succeeds, what it took and did is forgotten. */
  class Attempt {
   public:
    explicit Attempt(FeaturePass& pass) : pass_(pass), before_(pass.state_) {}
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    Attempt(Attempt&&) = delete;
    Attempt& operator=(Attempt&&) = delete;
    ~Attempt() {
      if (!succeeded_) pass_.state_ = before_;
    }
    void succeed() { succeeded_ = true; }

   private:
    FeaturePass& pass_;
    State before_;
    bool succeeded_ = false;
  };

 private:
  Network& network_;
  std::size_t cut_;
  RowsLayout row_;
  const FeatureCacheOptions& options_;
  const Extraction& extraction_;
  Ranks& ranks_;
  Observer& observer_;
  State state_;
  Stopwatch stopwatch_;
};

}  // namespace torch_tl
