#pragma once

#include "cuda/lanes.h"

namespace torch_tl::gpu {

/* The bodies of the kernels of a forward pass: see bodies.h. */

// Plain arrays: the members of std::array are no functions for a GPU.
// NOLINTBEGIN(*-avoid-c-arrays)

template <typename Value, int kWidth>
struct Copy {
  using Totals = NoTotals<kWidth>;
  std::int64_t channel;

  TORCH_TL_HOST_DEVICE Copy(const RowsTask& /*task*/, std::int64_t first) : channel(first) {}
  TORCH_TL_HOST_DEVICE void run(const RowsTask& task, std::int64_t row, Totals& /*totals*/) const {
    store<Value>(task.y, row, channel, load<Value, kWidth>(task.x, row, channel));
  }
};

template <typename Value, int kWidth>
struct CopyAndMoments {
  using Totals = LaneMoments<kWidth>;
  using Finish = FinishMoments;
  std::int64_t channel;

  TORCH_TL_HOST_DEVICE CopyAndMoments(const RowsTask& /*task*/, std::int64_t first) : channel(first) {}
  TORCH_TL_HOST_DEVICE void run(const RowsTask& task, std::int64_t row, Totals& totals) const {
    const auto x = load<Value, kWidth>(task.x, row, channel);
    totals.add(x);
    if (task.y.values != nullptr) store<Value>(task.y, row, channel, x);
  }
};

template <typename Value, int kWidth>
struct ScaleShiftRelu {
  using Totals = NoTotals<kWidth>;
  std::int64_t channel;
  LaneNorm<kWidth> norm;

  TORCH_TL_HOST_DEVICE ScaleShiftRelu(const RowsTask& task, std::int64_t first)
      : channel(first), norm(task.norm, first) {}
  TORCH_TL_HOST_DEVICE void run(const RowsTask& task, std::int64_t row, Totals& /*totals*/) const {
    auto x = load<Value, kWidth>(task.x, row, channel);
    for (int i = 0; i < kWidth; ++i) x.values[i] = norm.channels[i].activated(x.values[i]);
    store<Value>(task.y, row, channel, x);
  }
};

template <typename Value, int kWidth>
struct Average {
  using Totals = NoTotals<kWidth>;
  std::int64_t channel;
  LaneNorm<kWidth> norm;

  TORCH_TL_HOST_DEVICE Average(const RowsTask& task, std::int64_t first)
      : channel(first), norm(task.norm, first) {}
  TORCH_TL_HOST_DEVICE void run(const RowsTask& task, std::int64_t row, Totals& /*totals*/) const {
    const auto height = static_cast<std::uint32_t>(task.height);
    const auto width = static_cast<std::uint32_t>(task.width);
    const Pixel pixel(row, height / 2, width / 2);
    WideLane<kWidth> sum = {};
    for (std::uint32_t place = 0; place < 4; ++place) {
      const std::int64_t from =
          row_at(pixel.image, 2 * pixel.line + place / 2, 2 * pixel.column + place % 2, height, width);
      const auto x = load<Value, kWidth>(task.x, from, channel);
      for (int i = 0; i < kWidth; ++i) sum.values[i] += norm.channels[i].activated(x.values[i]);
    }
    for (int i = 0; i < kWidth; ++i) sum.values[i] *= 0.25F;
    store<Value>(task.y, row, channel, sum);
  }
};

template <typename Value, int kWidth>
struct MaximumBody {
  using Totals = NoTotals<kWidth>;
  std::int64_t channel;
  LaneNorm<kWidth> norm;

  TORCH_TL_HOST_DEVICE MaximumBody(const RowsTask& task, std::int64_t first)
      : channel(first), norm(task.norm, first) {}
  TORCH_TL_HOST_DEVICE void run(const RowsTask& task, std::int64_t row, Totals& /*totals*/) const {
    const auto height = static_cast<std::uint32_t>(task.height);
    const auto width = static_cast<std::uint32_t>(task.width);
    const Pixel pixel(row, (height + 1) / 2, (width + 1) / 2);
    Maximum best[kWidth];
    for (int i = 0; i < kWidth; ++i) best[i] = {-1, kNoPlace};
    for (int place = 0; place < 9; ++place) {
      // Of padding, these are larger than any side.
      const std::uint32_t line = 2 * pixel.line + place / 3 - 1;
      const std::uint32_t column = 2 * pixel.column + place % 3 - 1;
      if (line >= height || column >= width) continue;
      const auto x = load<Value, kWidth>(task.x, row_at(pixel.image, line, column, height, width), channel);
      for (int i = 0; i < kWidth; ++i) best[i].see(norm.channels[i].activated(x.values[i]), place);
    }
    WideLane<kWidth> y = {};
    for (int i = 0; i < kWidth; ++i) y.values[i] = best[i].value;
    store<Value>(task.y, row, channel, y);
    if (task.places == nullptr) return;
    for (int i = 0; i < kWidth; ++i) {
      task.places[row * task.channels + channel + i] = best[i].value <= 0 ? kNoPlace : best[i].place;
    }
  }
};

// NOLINTEND(*-avoid-c-arrays)

}  // namespace torch_tl::gpu
