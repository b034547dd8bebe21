#include "executors/maps.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "executors/threads.h"

namespace torch_tl {

Maps::Maps(std::int64_t images, std::int64_t channels, std::int64_t height, std::int64_t width)
    : Maps(at::empty({images, channels, height, width}, at::TensorOptions(at::kFloat),
                     at::MemoryFormat::ChannelsLast)) {}

NormStatistics statistics_of(const Maps& maps, std::int64_t begin, std::int64_t channels) {
  const float* pivot = maps.row(0) + begin;
  const EvenRanges chunks = maps.chunks();
  const auto sums = on_threads(
      chunks.count(), [&] { return ChannelSums(channels); },
      [&](ChannelSums& sum, std::int64_t i) {
        const Range rows = chunks[i];
        sum.add_moments(maps.row(rows.begin) + begin, maps.channels(), rows.size(), pivot);
      });
  at::Tensor pivots = at::empty({channels}, at::kFloat);
  std::copy_n(pivot, channels, pivots.data_ptr<float>());
  return {total_of(sums, channels).totals(), pivots, maps.rows()};
}

void differentiate(const NormGradient& norm, const Maps& dy, const Maps& x, const Maps& dx) {
  at::parallel_for(0, x.rows(), kRows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) norm.run(dy.row(row), x.row(row), dx.row(row));
  });
}

void pad(const PaddedMap& map, const NormRelu& norm, const float* rows, std::int64_t count, float* padded) {
  const std::int64_t channels = norm.channels();
  for (std::int64_t pixel = 0; pixel < count; ++pixel) {
    norm.run(rows + pixel * channels, padded + map.place(pixel) * channels);
  }
}

}  // namespace torch_tl
