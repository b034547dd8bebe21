#pragma once

#include <cuda_runtime.h>

#include "cuda/bodies.h"

namespace torch_tl::gpu {

/* The launches of the bodies. */

template <template <typename, int> class Body, typename Value, int kWidth>
__global__ void __launch_bounds__(kThreads) pass_over_rows(const RowsTask task, const RowsPlan plan) {
  const int lane = static_cast<int>(blockIdx.x) * plan.lane_tile + static_cast<int>(threadIdx.x);
  if (lane < plan.lanes) {
    run_rows<Body, Value, kWidth>(task, plan, lane, static_cast<int>(blockIdx.y),
                                  static_cast<int>(threadIdx.y));
  }
}

/** Leaves the totals of each block of rows in the workspace. */
template <template <typename, int> class Body, typename Value, int kWidth>
__global__ void __launch_bounds__(kThreads) sum_over_rows(const RowsTask task, const RowsPlan plan) {
  using Totals = typename Body<Value, kWidth>::Totals;
  extern __shared__ __align__(16) unsigned char memory[];
  Totals* const shared = reinterpret_cast<Totals*>(memory);
  const int lane = static_cast<int>(blockIdx.x) * plan.lane_tile + static_cast<int>(threadIdx.x);
  const int y = static_cast<int>(threadIdx.y);
  const int own = y * plan.lane_tile + static_cast<int>(threadIdx.x);
  Totals totals;
  if (lane < plan.lanes)
    totals = run_rows<Body, Value, kWidth>(task, plan, lane, static_cast<int>(blockIdx.y), y);
  shared[own] = totals;
  for (int half = plan.row_tile / 2; half > 0; half /= 2) {
    __syncthreads();
    if (y < half) {
      totals.merge(shared[own + half * plan.lane_tile]);
      shared[own] = totals;
    }
  }
  if (y == 0 && lane < plan.lanes) {
    totals.save(task, static_cast<int>(blockIdx.y), static_cast<std::int64_t>(lane) * kWidth);
  }
}

/** Adds up the totals of all blocks of rows. */
template <typename Finish>
__global__ void __launch_bounds__(kThreads) finish_sums(const RowsTask task, const int blocks) {
  __shared__ Finish shared[kFinishRows][kFinishLanes];
  const int x = static_cast<int>(threadIdx.x);
  const int y = static_cast<int>(threadIdx.y);
  const std::int64_t channel = static_cast<std::int64_t>(blockIdx.x) * kFinishLanes + x;
  Finish finish;
  if (channel < task.channels) {
    for (int block = y; block < blocks; block += kFinishRows) finish.add(task, block, channel);
  }
  shared[y][x] = finish;
  for (int half = kFinishRows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (y < half) {
      finish.merge(shared[y + half][x]);
      shared[y][x] = finish;
    }
  }
  if (y == 0 && channel < task.channels) finish.save(task, channel);
}

inline dim3 grid_of(const RowsPlan& plan) {
  return {static_cast<unsigned>(plan.lane_blocks), static_cast<unsigned>(plan.row_blocks), 1};
}

inline dim3 block_of(const RowsPlan& plan) {
  return {static_cast<unsigned>(plan.lane_tile), static_cast<unsigned>(plan.row_tile), 1};
}

template <template <typename, int> class Body, typename Value, int kWidth>
void launch_pass(const RowsTask& task, cudaStream_t stream) {
  const RowsPlan plan = plan_of_passes(task, kWidth);
  pass_over_rows<Body, Value, kWidth><<<grid_of(plan), block_of(plan), 0, stream>>>(task, plan);
}

template <template <typename, int> class Body, typename Value, int kWidth>
void launch_sum(const RowsTask& task, cudaStream_t stream) {
  using OneBody = Body<Value, kWidth>;
  const RowsPlan plan = plan_of_sums(task, kWidth);
  const std::size_t memory = kThreads * sizeof(typename OneBody::Totals);
  sum_over_rows<Body, Value, kWidth><<<grid_of(plan), block_of(plan), memory, stream>>>(task, plan);
  const auto blocks = static_cast<unsigned>((task.channels + kFinishLanes - 1) / kFinishLanes);
  finish_sums<typename OneBody::Finish>
      <<<blocks, dim3(kFinishLanes, kFinishRows), 0, stream>>>(task, plan.row_blocks);
}

template <typename Value>
__global__ void __launch_bounds__(kThreads) pack_weights(const __grid_constant__ PackBatch batch) {
  pack_values<Value>(batch.entries[blockIdx.y],
                     static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x,
                     static_cast<std::int64_t>(gridDim.x) * blockDim.x);
}

}  // namespace torch_tl::gpu
