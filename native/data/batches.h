#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "data/batch_range.h"

namespace torch_tl {

/** Divides `count` images into batches of `batch_size`; the last one may be smaller. */
std::vector<BatchRange> batch_ranges(std::int64_t count, std::int64_t batch_size);

/**
 * Likewise, but a last batch of one image joins the batch before it: batch normalisation needs a variance,
 * and dropping the image would leave it out of the epoch.
 */
std::vector<BatchRange> training_batch_ranges(std::int64_t count, std::int64_t batch_size);

/** The indices of an epoch's images in random order: int64 [count] on the host. */
at::Tensor epoch_order(std::int64_t count, at::Generator& generator);

}  // namespace torch_tl
