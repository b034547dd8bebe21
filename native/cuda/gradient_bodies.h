#pragma once

#include "cuda/lanes.h"

namespace torch_tl::gpu {

/* The bodies of the kernels of gradients: see bodies.h. */

// Plain arrays: the members of std::array are no functions for a GPU.
// NOLINTBEGIN(*-avoid-c-arrays)

template <typename Value, int kWidth>
struct SumGradient {
  using Totals = LaneSums<kWidth>;
  using Finish = FinishSums;
  std::int64_t channel;
  LaneNorm<kWidth> norm;

  TORCH_TL_HOST_DEVICE SumGradient(const RowsTask& task, std::int64_t first)
      : channel(first), norm(task.norm, first) {}
  TORCH_TL_HOST_DEVICE void run(const RowsTask& task, std::int64_t row, Totals& totals) const {
    const auto dy = load<Value, kWidth>(task.dy, row, channel);
    const auto x = load<Value, kWidth>(task.x, row, channel);
    for (int i = 0; i < kWidth; ++i) {
      const NormChannel& one = norm.channels[i];
      totals.channels[i].add(one, one.passed(dy.values[i], x.values[i]), x.values[i]);
    }
  }
};

/** Means over all rows of what the norm's gradients are sums of; 0 for a norm by running statistics. */
template <int kWidth>
struct LaneMeans {
  GradientSums channels[kWidth];

  TORCH_TL_HOST_DEVICE LaneMeans(const RowsTask& task, std::int64_t channel, std::int64_t rows) {
    if (task.sums.values == nullptr) return;
    const float share = 1 / static_cast<float>(rows);
    for (int i = 0; i < kWidth; ++i) {
      channels[i] = {row_of(task.sums, 0, channel + i) * share, row_of(task.sums, 1, channel + i) * share};
    }
  }
};

template <typename Value, int kWidth>
struct Differentiate {
  using Totals = NoTotals<kWidth>;
  std::int64_t channel;
  LaneNorm<kWidth> norm;
  LaneMeans<kWidth> means;

  TORCH_TL_HOST_DEVICE Differentiate(const RowsTask& task, std::int64_t first)
      : channel(first), norm(task.norm, first), means(task, first, task.rows) {}
  TORCH_TL_HOST_DEVICE void run(const RowsTask& task, std::int64_t row, Totals& /*totals*/) const {
    auto dy = load<Value, kWidth>(task.dy, row, channel);
    const auto x = load<Value, kWidth>(task.x, row, channel);
    for (int i = 0; i < kWidth; ++i) {
      const NormChannel& one = norm.channels[i];
      dy.values[i] = norm_gradient(one, one.passed(dy.values[i], x.values[i]), x.values[i],
                                   means.channels[i].bias, means.channels[i].weight);
    }
    store<Value>(task.y, row, channel, dy);
  }
};

template <typename Value, int kWidth>
struct Accumulate {
  using Totals = LaneSums<kWidth>;
  using Finish = FinishSums;
  std::int64_t channel;
  LaneNorm<kWidth> norm;

  TORCH_TL_HOST_DEVICE Accumulate(const RowsTask& task, std::int64_t first)
      : channel(first), norm(task.norm, first) {}
  TORCH_TL_HOST_DEVICE void run(const RowsTask& task, std::int64_t row, Totals& totals) const {
    const auto dy = load<Value, kWidth>(task.dy, row, channel);
    const auto x = load<Value, kWidth>(task.x, row, channel);
    auto dx = load<Value, kWidth>(task.y, row, channel);
    for (int i = 0; i < kWidth; ++i) {
      const NormChannel& one = norm.channels[i];
      const float passed = one.passed(dy.values[i], x.values[i]);
      totals.channels[i].add(one, passed, x.values[i]);
      dx.values[i] += passed * one.scale;
    }
    store<Value>(task.y, row, channel, dx);
  }
};

/** Its rows are those of the maps that were pooled. */
template <typename Value, int kWidth>
struct AverageGradient {
  using Totals = LaneSums<kWidth>;
  using Finish = FinishSums;
  std::int64_t channel;
  LaneNorm<kWidth> norm;

  TORCH_TL_HOST_DEVICE AverageGradient(const RowsTask& task, std::int64_t first)
      : channel(first), norm(task.norm, first) {}
  TORCH_TL_HOST_DEVICE void run(const RowsTask& task, std::int64_t row, Totals& totals) const {
    const auto height = static_cast<std::uint32_t>(task.height);
    const auto width = static_cast<std::uint32_t>(task.width);
    const Pixel pixel(row, height, width);
    WideLane<kWidth> dx = {};
    if (pixel.line / 2 < height / 2 && pixel.column / 2 < width / 2) {
      const std::int64_t from = row_at(pixel.image, pixel.line / 2, pixel.column / 2, height / 2, width / 2);
      const auto dy = load<Value, kWidth>(task.dy, from, channel);
      const auto x = load<Value, kWidth>(task.x, row, channel);
      for (int i = 0; i < kWidth; ++i) {
        const NormChannel& one = norm.channels[i];
        const float passed = one.passed(dy.values[i] * 0.25F, x.values[i]);
        totals.channels[i].add(one, passed, x.values[i]);
        dx.values[i] = passed * one.scale;
      }
    }
    store<Value>(task.y, row, channel, dx);
  }
};

/** Its rows are those of the pooled maps. */
template <typename Value, int kWidth>
struct SumMaximumGradient {
  using Totals = LaneSums<kWidth>;
  using Finish = FinishSums;
  std::int64_t channel;
  LaneNorm<kWidth> norm;

  TORCH_TL_HOST_DEVICE SumMaximumGradient(const RowsTask& task, std::int64_t first)
      : channel(first), norm(task.norm, first) {}
  TORCH_TL_HOST_DEVICE void run(const RowsTask& task, std::int64_t row, Totals& totals) const {
    const auto height = static_cast<std::uint32_t>(task.height);
    const auto width = static_cast<std::uint32_t>(task.width);
    const Pixel pixel(row, (height + 1) / 2, (width + 1) / 2);
    const auto dy = load<Value, kWidth>(task.dy, row, channel);
    for (int i = 0; i < kWidth; ++i) {
      const std::uint32_t place = task.places[row * task.channels + channel + i];
      if (place == kNoPlace) continue;
      const std::int64_t from = row_at(pixel.image, 2 * pixel.line + place / 3 - 1,
                                       2 * pixel.column + place % 3 - 1, height, width);
      const float x = load<Value, 1>(task.x, from, channel + i).values[0];
      totals.channels[i].add(norm.channels[i], dy.values[i], x);
    }
  }
};

/** Its rows are those of the maps that were pooled, of which one lies in up to four windows. */
template <typename Value, int kWidth>
struct DifferentiateMaximum {
  using Totals = NoTotals<kWidth>;
  std::int64_t channel;
  LaneNorm<kWidth> norm;
  LaneMeans<kWidth> means;

  TORCH_TL_HOST_DEVICE DifferentiateMaximum(const RowsTask& task, std::int64_t first)
      : channel(first), norm(task.norm, first), means(task, first, task.rows) {}
  TORCH_TL_HOST_DEVICE void run(const RowsTask& task, std::int64_t row, Totals& /*totals*/) const {
    const auto height = static_cast<std::uint32_t>(task.height);
    const auto width = static_cast<std::uint32_t>(task.width);
    const std::uint32_t lines = (height + 1) / 2;
    const std::uint32_t columns = (width + 1) / 2;
    const Pixel pixel(row, height, width);
    WideLane<kWidth> passed = {};
    for (std::uint32_t line = pixel.line / 2; line <= (pixel.line + 1) / 2 && line < lines; ++line) {
      for (std::uint32_t column = pixel.column / 2; column <= (pixel.column + 1) / 2 && column < columns;
           ++column) {
        const std::uint32_t place = (pixel.line + 1 - 2 * line) * 3 + pixel.column + 1 - 2 * column;
        const std::int64_t from = row_at(pixel.image, line, column, lines, columns);
        const auto dy = load<Value, kWidth>(task.dy, from, channel);
        for (int i = 0; i < kWidth; ++i) {
          if (task.places[from * task.channels + channel + i] == place) passed.values[i] += dy.values[i];
        }
      }
    }
    auto x = load<Value, kWidth>(task.x, row, channel);
    for (int i = 0; i < kWidth; ++i) {
      x.values[i] = norm_gradient(norm.channels[i], passed.values[i], x.values[i], means.channels[i].bias,
                                  means.channels[i].weight);
    }
    store<Value>(task.y, row, channel, x);
  }
};

template <typename Value, int kWidth>
struct AddThroughMoments {
  using Totals = NoTotals<kWidth>;
  std::int64_t channel;
  float mean[kWidth] = {};
  float of_mean[kWidth] = {};
  float of_variance[kWidth] = {};

  TORCH_TL_HOST_DEVICE AddThroughMoments(const RowsTask& task, std::int64_t first) : channel(first) {
    const float share = 1 / static_cast<float>(task.rows);
    for (int i = 0; i < kWidth; ++i) {
      mean[i] = row_of(task.moments, 0, first + i);
      of_mean[i] = row_of(task.of_moments, 0, first + i) * share;
      of_variance[i] = row_of(task.of_moments, 1, first + i) * 2 * share;
    }
  }
  TORCH_TL_HOST_DEVICE void run(const RowsTask& task, std::int64_t row, Totals& /*totals*/) const {
    auto dy = load<Value, kWidth>(task.dy, row, channel);
    const auto x = load<Value, kWidth>(task.x, row, channel);
    for (int i = 0; i < kWidth; ++i) {
      dy.values[i] += of_mean[i] + (x.values[i] - mean[i]) * of_variance[i];
    }
    store<Value>(task.y, row, channel, dy);
  }
};

// NOLINTEND(*-avoid-c-arrays)

}  // namespace torch_tl::gpu
