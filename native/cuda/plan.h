#pragma once

#include <algorithm>
#include <cstdint>

#include "cuda/kernel_table.h"

namespace torch_tl::gpu {

/*
 * How kernels over rows divide their work. It depends on the shape alone, so that sums are added up in the
 * same order on every GPU and in every run. Nothing is added atomically.
 */

inline constexpr int kThreads = 256;
/** Values of a channel in the workspace for each block of rows. */
inline constexpr std::int64_t kPartialValues = 3;
/** Threads in which the partial sums of 32 channels are added up. */
inline constexpr int kFinishLanes = 32;
inline constexpr int kFinishRows = 8;

/**
 * A thread has one lane, some neighbouring channels, and every `row_tile`th row of its block's chunk. What
 * belongs to the channels stays in its registers.
 */
struct RowsPlan {
  std::int64_t chunk;  // rows of a block
  int lanes;
  int lane_tile;  // lanes of a block
  int row_tile;   // threads of a block for each lane
  int lane_blocks;
  int row_blocks;
};

/** `width` channels are a lane. `most_blocks` limits the blocks of rows. */
inline RowsPlan plan_of(std::int64_t rows, std::int64_t channels, int width, std::int64_t most_blocks) {
  RowsPlan plan{};
  plan.lanes = static_cast<int>((channels + width - 1) / width);
  plan.lane_tile = 32;
  while (plan.lane_tile > 4 && plan.lanes % plan.lane_tile != 0) plan.lane_tile /= 2;
  if (plan.lanes % plan.lane_tile != 0) plan.lane_tile = 32;  // idle lanes rather than single ones
  plan.row_tile = kThreads / plan.lane_tile;
  plan.lane_blocks = (plan.lanes + plan.lane_tile - 1) / plan.lane_tile;
  const std::int64_t blocks = std::max<std::int64_t>(most_blocks / plan.lane_blocks, 1);
  const std::int64_t least = 4 * static_cast<std::int64_t>(plan.row_tile);
  const std::int64_t even = (rows + blocks - 1) / blocks;
  plan.chunk = std::max(least, (even + plan.row_tile - 1) / plan.row_tile * plan.row_tile);
  plan.row_blocks = static_cast<int>((rows + plan.chunk - 1) / plan.chunk);
  return plan;
}

inline RowsPlan plan_of_passes(const RowsTask& task, int width) {
  return plan_of(task.rows, task.channels, width, 4096);
}

inline RowsPlan plan_of_sums(const RowsTask& task, int width) {
  return plan_of(task.rows, task.channels, width, 1024);
}

/** Values of a 16-byte load. */
inline int widest(Precision precision) { return precision == Precision::kFloat32 ? 4 : 8; }

/** Float32 values that the kernels which sum need as workspace, at either width. */
inline std::int64_t partial_values(const RowsTask& task) {
  const int blocks =
      std::max(plan_of_sums(task, 1).row_blocks, plan_of_sums(task, widest(task.precision)).row_blocks);
  return kPartialValues * task.channels * blocks;
}

/** Whether all rows begin at multiples of 16 bytes, and no lane would reach past the last channel. */
inline bool fits_wide_loads(const RowsTask& task) {
  const int width = widest(task.precision);
  const auto fits = [&](const RowsPointer& rows) {
    return rows.values == nullptr ||
           (reinterpret_cast<std::uintptr_t>(rows.values) % 16 == 0 && rows.stride % width == 0);
  };
  return task.channels % width == 0 && fits(task.x) && fits(task.y) && fits(task.dy);
}

}  // namespace torch_tl::gpu
