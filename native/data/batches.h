#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace torch_tl {

/** Positions [begin, end) of a batch in an epoch's order. */
struct BatchRange {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t size() const { return end - begin; }
};

/** Cuts `count` into batches of `batch_size`, the last one shorter. */
std::vector<BatchRange> batch_ranges(std::int64_t count, std::int64_t batch_size);

/**
 * The same, but a last batch of one joins the batch before it: batch normalisation has no variance over a
 * single value, and dropping an image would leave it out of the epoch.
 */
std::vector<BatchRange> training_batch_ranges(std::int64_t count, std::int64_t batch_size);

/** Which images this process takes in an epoch, and in which order: int64 [count] on the host. */
at::Tensor epoch_order(std::int64_t count, at::Generator& generator);

}  // namespace torch_tl
