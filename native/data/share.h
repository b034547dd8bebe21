#pragma once

#include <algorithm>
#include <cstdint>

#include "data/batch_range.h"

namespace torch_tl {

/** Which images this process takes, of those that go through them together. */
struct Share {
  /** Number of this process, from 0. */
  std::int64_t rank = 0;
  /** Number of processes. */
  std::int64_t size = 1;

  /**
   * This rank's positions of a batch: the batch is cut, in the order of ranks, into runs whose lengths differ
   * by one at most. No run has a single image, unless the batch has: batch normalisation needs a variance. Of
   * a batch too small for that the last ranks take none. So batches are the same for any number of processes.
   */
  BatchRange part(const BatchRange& batch) const {
    const std::int64_t takers = this->takers(batch);
    if (rank >= takers) return {batch.end, batch.end};
    return {batch.begin + batch.size() * rank / takers, batch.begin + batch.size() * (rank + 1) / takers};
  }

  /** Number of ranks, the first ones, that take images of a batch. */
  std::int64_t takers(const BatchRange& batch) const {
    return std::clamp(batch.size() / 2, std::int64_t{1}, size);
  }

  /**
   * The run of whole batches, of `count`, that rank `of` computes where batches do not depend on each other:
   * so batches are those of one process, to the bit. Lengths differ by one at most.
   */
  BatchRange batches(std::int64_t count, std::int64_t of) const {
    const auto begin = [&](std::int64_t one) { return (count * one + size - 1) / size; };
    return {begin(of), begin(of + 1)};
  }
};

}  // namespace torch_tl
