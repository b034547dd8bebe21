#include "data/batches.h"

#include <ATen/ops/randperm.h>

#include <algorithm>

namespace torch_tl {

std::vector<BatchRange> batch_ranges(std::int64_t count, std::int64_t batch_size) {
  std::vector<BatchRange> ranges;
  for (std::int64_t begin = 0; begin < count; begin += batch_size) {
    ranges.push_back({begin, std::min(begin + batch_size, count)});
  }
  return ranges;
}

std::vector<BatchRange> training_batch_ranges(std::int64_t count, std::int64_t batch_size) {
  std::vector<BatchRange> ranges = batch_ranges(count, batch_size);
  if (ranges.size() > 1 && ranges.back().size() == 1) {
    ranges.pop_back();
    ranges.back().end = count;
  }
  return ranges;
}

at::Tensor epoch_order(std::int64_t count, at::Generator& generator) {
  return at::randperm(count, generator, at::TensorOptions(at::kLong));
}

}  // namespace torch_tl
