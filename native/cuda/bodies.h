#pragma once

#include "cuda/forward_bodies.h"
#include "cuda/gradient_bodies.h"
#include "cuda/lanes.h"
#include "cuda/plan.h"

namespace torch_tl::gpu {

/*
 * The kernels as what one thread does, on a GPU and, for tests, on a CPU. A body is made for a thread's lane,
 * whose norm it keeps, and then runs on one row after another.
 */

/* Threads. */

/** What one thread of a block does with its rows. */
template <template <typename, int> class Body, typename Value, int kWidth>
TORCH_TL_HOST_DEVICE typename Body<Value, kWidth>::Totals run_rows(const RowsTask& task, const RowsPlan& plan,
                                                                   int lane, int block, int thread_row) {
  typename Body<Value, kWidth>::Totals totals;
  const Body<Value, kWidth> body(task, static_cast<std::int64_t>(lane) * kWidth);
  const std::int64_t begin = block * plan.chunk;
  const std::int64_t end = begin + plan.chunk < task.rows ? begin + plan.chunk : task.rows;
  for (std::int64_t row = begin + thread_row; row < end; row += plan.row_tile) body.run(task, row, totals);
  return totals;
}

/** Rounds a part of a weight: every `step`th value from `first` on. */
template <typename Value>
TORCH_TL_HOST_DEVICE void pack_values(const PackEntry& entry, std::int64_t first, std::int64_t step) {
  auto* target = static_cast<Value*>(entry.target);
  for (std::int64_t i = first; i < entry.count; i += step) {
    const float scale = entry.scale == nullptr ? 1 : entry.scale[i / entry.per_channel];
    target[i] = rounded<Value>(entry.weight[i] * scale);
  }
}

/** Prepares a channel of a norm; `inverse_root` is 1 / sqrt. */
template <typename InverseRoot>
TORCH_TL_HOST_DEVICE void prepare_channel(const NormEntry& entry, std::int64_t channel, float epsilon,
                                          float momentum, InverseRoot inverse_root) {
  float mean = entry.running_mean[channel];
  float variance = entry.running_var[channel];
  if (entry.moments != nullptr) {
    const float unbiased = static_cast<float>(entry.rows) / static_cast<float>(entry.rows - 1);
    const float of_batch = entry.moments[channel];
    const float batch_variance = entry.moments[entry.moments_stride + channel];
    entry.running_mean[channel] = mean * (1 - momentum) + of_batch * momentum;
    entry.running_var[channel] = variance * (1 - momentum) + batch_variance * (momentum * unbiased);
    if (channel == 0) *entry.num_batches_tracked += 1;
    mean = of_batch;
    variance = batch_variance;
  }
  const float inverse_std = inverse_root(variance + epsilon);
  const float scale = entry.weight[channel] * inverse_std;
  entry.result[kScale * entry.channels + channel] = scale;
  entry.result[kShift * entry.channels + channel] = entry.bias[channel] - mean * scale;
  entry.result[kMean * entry.channels + channel] = mean;
  entry.result[kInverseStd * entry.channels + channel] = inverse_std;
}

}  // namespace torch_tl::gpu
