#pragma once

#include "cuda/elements.h"
#include "cuda/kernel_table.h"
#include "cuda/plan.h"

namespace torch_tl::gpu {

/*
 * What a thread has of a row: a lane of `kWidth` channels, as many as a 16-byte load brings, or 1. And what
 * it sums over rows, with how the partial sums of blocks end. `Value` is float or Bf16.
 */

// Plain arrays: the members of std::array are no functions for a GPU.
// NOLINTBEGIN(*-avoid-c-arrays)

template <typename Value, int kWidth>
struct alignas(sizeof(Value) * kWidth) Lane {
  Value values[kWidth];
};

/** A lane of a row, in float32. */
template <int kWidth>
struct WideLane {
  float values[kWidth];
};

template <typename Value, int kWidth>
TORCH_TL_HOST_DEVICE WideLane<kWidth> load(const RowsPointer& rows, std::int64_t row, std::int64_t channel) {
  const Value* from = static_cast<const Value*>(rows.values) + row * rows.stride + channel;
  const Lane<Value, kWidth> lane = *reinterpret_cast<const Lane<Value, kWidth>*>(from);
  WideLane<kWidth> wide = {};
  for (int i = 0; i < kWidth; ++i) wide.values[i] = widened(lane.values[i]);
  return wide;
}

template <typename Value, int kWidth>
TORCH_TL_HOST_DEVICE void store(const RowsPointer& rows, std::int64_t row, std::int64_t channel,
                                const WideLane<kWidth>& wide) {
  Lane<Value, kWidth> lane = {};
  for (int i = 0; i < kWidth; ++i) lane.values[i] = rounded<Value>(wide.values[i]);
  Value* to = static_cast<Value*>(rows.values) + row * rows.stride + channel;
  *reinterpret_cast<Lane<Value, kWidth>*>(to) = lane;
}

TORCH_TL_HOST_DEVICE float row_of(const ChannelsPointer& channels, int row, std::int64_t channel) {
  return channels.values[row * channels.stride + channel];
}

template <int kWidth>
struct LaneNorm {
  NormChannel channels[kWidth] = {};

  TORCH_TL_HOST_DEVICE LaneNorm(const ChannelsPointer& norm, std::int64_t channel) {
    for (int i = 0; i < kWidth; ++i) {
      const std::int64_t at = channel + i;
      channels[i] = {row_of(norm, kScale, at), row_of(norm, kShift, at), row_of(norm, kMean, at),
                     row_of(norm, kInverseStd, at)};
    }
  }
};

/** Where a row of maps is in its image. */
struct Pixel {
  std::uint32_t image;
  std::uint32_t line;
  std::uint32_t column;

  TORCH_TL_HOST_DEVICE Pixel(std::int64_t row, std::uint32_t height, std::uint32_t width) {
    const auto index = static_cast<std::uint32_t>(row);
    const std::uint32_t lines = index / width;
    column = index - lines * width;
    image = lines / height;
    line = lines - image * height;
  }
};

TORCH_TL_HOST_DEVICE std::int64_t row_at(std::uint32_t image, std::uint32_t line, std::uint32_t column,
                                         std::uint32_t height, std::uint32_t width) {
  return (static_cast<std::int64_t>(image) * height + line) * width + column;
}

/* What sums over rows keep. */

template <int kWidth>
struct NoTotals {};

template <int kWidth>
struct LaneMoments {
  float count = 0;
  float mean[kWidth] = {};
  float squares[kWidth] = {};

  TORCH_TL_HOST_DEVICE void add(const WideLane<kWidth>& x) {
    count += 1;
    const float share = 1 / count;
    for (int i = 0; i < kWidth; ++i) {
      const float off = x.values[i] - mean[i];
      mean[i] += off * share;
      squares[i] += off * (x.values[i] - mean[i]);
    }
  }
  TORCH_TL_HOST_DEVICE void merge(const LaneMoments& other) {
    for (int i = 0; i < kWidth; ++i) {
      Moments one{count, mean[i], squares[i]};
      one.merge({other.count, other.mean[i], other.squares[i]});
      mean[i] = one.mean;
      squares[i] = one.squares;
    }
    count += other.count;
  }
  TORCH_TL_HOST_DEVICE void save(const RowsTask& task, int block, std::int64_t channel) const {
    float* partial = task.workspace + block * kPartialValues * task.channels + channel;
    for (int i = 0; i < kWidth; ++i) {
      partial[i] = count;
      partial[task.channels + i] = mean[i];
      partial[2 * task.channels + i] = squares[i];
    }
  }
};

template <int kWidth>
struct LaneSums {
  GradientSums channels[kWidth];

  TORCH_TL_HOST_DEVICE void merge(const LaneSums& other) {
    for (int i = 0; i < kWidth; ++i) channels[i].merge(other.channels[i]);
  }
  TORCH_TL_HOST_DEVICE void save(const RowsTask& task, int block, std::int64_t channel) const {
    float* partial = task.workspace + block * kPartialValues * task.channels + channel;
    for (int i = 0; i < kWidth; ++i) {
      partial[i] = channels[i].bias;
      partial[task.channels + i] = channels[i].weight;
    }
  }
};

/* How the partial sums of a channel end. */

struct FinishMoments {
  Moments total;

  TORCH_TL_HOST_DEVICE void add(const RowsTask& task, int block, std::int64_t channel) {
    const float* partial = task.workspace + block * kPartialValues * task.channels + channel;
    total.merge({partial[0], partial[task.channels], partial[2 * task.channels]});
  }
  TORCH_TL_HOST_DEVICE void merge(const FinishMoments& other) { total.merge(other.total); }
  TORCH_TL_HOST_DEVICE void save(const RowsTask& task, std::int64_t channel) const {
    task.moments.values[channel] = total.mean;
    task.moments.values[task.moments.stride + channel] = total.squares / total.count;
  }
};

struct FinishSums {
  GradientSums total;

  TORCH_TL_HOST_DEVICE void add(const RowsTask& task, int block, std::int64_t channel) {
    const float* partial = task.workspace + block * kPartialValues * task.channels + channel;
    total.merge({partial[0], partial[task.channels]});
  }
  TORCH_TL_HOST_DEVICE void merge(const FinishSums& other) { total.merge(other.total); }
  TORCH_TL_HOST_DEVICE void save(const RowsTask& task, std::int64_t channel) const {
    task.sums.values[channel] = total.bias;
    task.sums.values[task.sums.stride + channel] = total.weight;
    if (task.of_moments.values == nullptr) return;
    const float scale = row_of(task.norm, kScale, channel);
    const float inverse_std = row_of(task.norm, kInverseStd, channel);
    task.of_moments.values[channel] -= total.bias * scale;
    task.of_moments.values[task.of_moments.stride + channel] -= total.weight * scale * inverse_std * 0.5F;
  }
};

// NOLINTEND(*-avoid-c-arrays)

}  // namespace torch_tl::gpu
