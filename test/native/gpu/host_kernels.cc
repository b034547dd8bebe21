#include "host_kernels.h"

#include <cmath>
#include <cstddef>
#include <vector>

#include "cuda/bodies.h"

namespace torch_tl::gpu {
namespace {

/* As native/cuda/kernels.cuh launches them: there a loop over blocks and threads is a grid, and a tree has
 * barriers. */

template <typename Run>
void each_block(const RowsPlan& plan, Run run) {
  for (int block = 0; block < plan.row_blocks; ++block) {
    for (int lanes = 0; lanes < plan.lane_blocks; ++lanes) run(lanes * plan.lane_tile, block);
  }
}

template <template <typename, int> class Body, typename Value, int kWidth>
void pass_over_rows(const RowsTask& task) {
  const RowsPlan plan = plan_of_passes(task, kWidth);
  each_block(plan, [&](int first, int block) {
    for (int lane = first; lane < first + plan.lane_tile && lane < plan.lanes; ++lane) {
      for (int y = 0; y < plan.row_tile; ++y) run_rows<Body, Value, kWidth>(task, plan, lane, block, y);
    }
  });
}

/** Merges the values of a tree's threads into the first. */
template <typename Values>
void merge_tree(std::vector<Values>& values) {
  for (std::size_t half = values.size() / 2; half > 0; half /= 2) {
    for (std::size_t y = 0; y < half; ++y) values[y].merge(values[y + half]);
  }
}

template <template <typename, int> class Body, typename Value, int kWidth>
void sum_over_rows(const RowsTask& task) {
  using OneBody = Body<Value, kWidth>;
  const RowsPlan plan = plan_of_sums(task, kWidth);
  each_block(plan, [&](int first, int block) {
    for (int lane = first; lane < first + plan.lane_tile && lane < plan.lanes; ++lane) {
      std::vector<typename OneBody::Totals> totals;
      totals.reserve(plan.row_tile);
      for (int y = 0; y < plan.row_tile; ++y) {
        totals.push_back(run_rows<Body, Value, kWidth>(task, plan, lane, block, y));
      }
      merge_tree(totals);
      totals.front().save(task, block, static_cast<std::int64_t>(lane) * kWidth);
    }
  });
  for (std::int64_t channel = 0; channel < task.channels; ++channel) {
    std::vector<typename OneBody::Finish> finish(kFinishRows);
    for (int block = 0; block < plan.row_blocks; ++block)
      finish[block % kFinishRows].add(task, block, channel);
    merge_tree(finish);
    finish.front().save(task, channel);
  }
}

template <template <typename, int> class Body>
void pass(const RowsTask& task) {
  const bool wide = fits_wide_loads(task);
  if (task.precision == Precision::kBfloat16) {
    wide ? pass_over_rows<Body, Bf16, 8>(task) : pass_over_rows<Body, Bf16, 1>(task);
  } else {
    wide ? pass_over_rows<Body, float, 4>(task) : pass_over_rows<Body, float, 1>(task);
  }
}

template <template <typename, int> class Body>
void sum(const RowsTask& task) {
  const bool wide = fits_wide_loads(task);
  if (task.precision == Precision::kBfloat16) {
    wide ? sum_over_rows<Body, Bf16, 8>(task) : sum_over_rows<Body, Bf16, 1>(task);
  } else {
    wide ? sum_over_rows<Body, float, 4>(task) : sum_over_rows<Body, float, 1>(task);
  }
}

void rows(RowsKernel kernel, const RowsTask& task, int /*device*/) {
  switch (kernel) {
    case RowsKernel::kPlace:
      return task.moments.values == nullptr ? pass<Copy>(task) : sum<CopyAndMoments>(task);
    case RowsKernel::kScaleShiftRelu:
      return pass<ScaleShiftRelu>(task);
    case RowsKernel::kAverage:
      return pass<Average>(task);
    case RowsKernel::kMaximum:
      return pass<MaximumBody>(task);
    case RowsKernel::kSumGradient:
      return sum<SumGradient>(task);
    case RowsKernel::kDifferentiate:
      return pass<Differentiate>(task);
    case RowsKernel::kAccumulate:
      return sum<Accumulate>(task);
    case RowsKernel::kAverageGradient:
      return sum<AverageGradient>(task);
    case RowsKernel::kSumMaximumGradient:
      return sum<SumMaximumGradient>(task);
    case RowsKernel::kDifferentiateMaximum:
      return pass<DifferentiateMaximum>(task);
    case RowsKernel::kAddThroughMoments:
      return pass<AddThroughMoments>(task);
  }
}

void pack(const PackBatch& batch, int /*device*/) {
  constexpr int kStep = 1024;
  for (int i = 0; i < batch.count; ++i) {
    for (int thread = 0; thread < kStep; ++thread) {
      if (batch.precision == Precision::kBfloat16) {
        pack_values<Bf16>(batch.entries[i], thread, kStep);
      } else {
        pack_values<float>(batch.entries[i], thread, kStep);
      }
    }
  }
}

void prepare(const NormBatch& batch, int /*device*/) {
  for (int i = 0; i < batch.count; ++i) {
    for (std::int64_t channel = 0; channel < batch.entries[i].channels; ++channel) {
      prepare_channel(batch.entries[i], channel, batch.epsilon, batch.momentum,
                      [](float x) { return 1 / std::sqrt(x); });
    }
  }
}

}  // namespace

const KernelTable& host_kernels() {
  static constexpr KernelTable table{.capabilities = "host", .rows = rows, .pack = pack, .prepare = prepare};
  return table;
}

}  // namespace torch_tl::gpu
