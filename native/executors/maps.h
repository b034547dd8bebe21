#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "executors/norm.h"
#include "executors/padded_map.h"

namespace torch_tl {

/** Rows that go through a product at a time: a multiple of a tile's, so many that they stay in the cache.
 */
inline constexpr std::int64_t kRows = 48;

inline const float* values(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

/** Maps [n, channels, height, width] as the kernels see them: [rows][channels], a row a pixel. */
class Maps {
 public:
  /** float32, channels last */
  explicit Maps(at::Tensor tensor)
      : tensor_(std::move(tensor)), values_(tensor_.data_ptr<float>()), channels_(tensor_.size(1)) {}
  /** Without values. */
  Maps(std::int64_t images, std::int64_t channels, std::int64_t height, std::int64_t width);

  const at::Tensor& tensor() const { return tensor_; }
  std::int64_t images() const { return tensor_.size(0); }
  std::int64_t channels() const { return channels_; }
  std::int64_t height() const { return tensor_.size(2); }
  std::int64_t width() const { return tensor_.size(3); }
  std::int64_t pixels() const { return height() * width(); }
  std::int64_t rows() const { return images() * pixels(); }
  EvenParts chunks() const { return {rows(), kRows}; }
  PaddedMap padded() const { return {height(), width()}; }
  float* row(std::int64_t i) const { return values_ + i * channels_; }

 private:
  at::Tensor tensor_;
  float* values_;
  std::int64_t channels_;
};

/** Of maps in any precision and memory format, which are copied only where they are not float32 and channels
 * last. */
inline Maps maps_of(const at::Tensor& x) {
  return Maps(x.to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast));
}

/** Over all rows, of the channels from `begin`. */
NormStatistics statistics_of(const Maps& maps, std::int64_t begin, std::int64_t channels);

/** So many rows, of some images, through a norm and its ReLU, into the inside of padded maps. */
void pad(const PaddedMap& map, const NormRelu& norm, const float* rows, std::int64_t count, float* padded);

}  // namespace torch_tl
