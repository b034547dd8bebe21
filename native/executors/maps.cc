#include "executors/maps.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "executors/threads.h"
#include "kernels/kernels.h"

namespace torch_tl {

Maps::Maps(std::int64_t images, std::int64_t channels, std::int64_t height, std::int64_t width)
    : Maps(at::empty({images, channels, height, width}, at::TensorOptions(at::kFloat),
                     at::MemoryFormat::ChannelsLast)) {}

NormStatistics statistics_of(const Maps& maps, std::int64_t begin, std::int64_t channels) {
  const float* pivot = maps.row(0) + begin;
  const EvenParts chunks = maps.chunks();
  const auto sums = on_threads(
      chunks.count(), [&] { return ChannelSums(channels); },
      [&](ChannelSums& sum, std::int64_t i) {
        const Range rows = chunks[i];
        for (std::int64_t row = rows.begin; row < rows.end; ++row) {
          kernels().add_moments(maps.row(row) + begin, pivot, channels, sum.first(), sum.second());
        }
        sum.flush();
      });
  ChannelSums total(channels);
  for (const ChannelSums& sum : sums) total.add(sum);
  at::Tensor pivots = at::empty({channels}, at::kFloat);
  std::copy_n(pivot, channels, pivots.data_ptr<float>());
  return {total.totals(), pivots, maps.rows()};
}

void pad(const PaddedMap& map, const NormRelu& norm, const float* rows, std::int64_t count, float* padded) {
  const std::int64_t channels = norm.channels();
  for (std::int64_t pixel = 0; pixel < count; ++pixel) {
    norm.run(rows + pixel * channels, padded + map.place(pixel) * channels);
  }
}

}  // namespace torch_tl
