#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "executors/norm.h"
#include "executors/padded_map.h"

namespace torch_tl {

/** Rows that go through a product at a time: a multiple of a tile's rows, and few enough to stay in cache. */
inline constexpr std::int64_t kRows = 48;

inline const float* values(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

/** Maps [n, channels, height, width] as the kernels see them: [rows][channels], one row per pixel. */
class Maps {
 public:
  /** `tensor` is float32 and channels last. */
  explicit Maps(at::Tensor tensor)
      : tensor_(std::move(tensor)), values_(tensor_.data_ptr<float>()), channels_(tensor_.size(1)) {}
  /** Allocates maps without setting their values. */
  Maps(std::int64_t images, std::int64_t channels, std::int64_t height, std::int64_t width);

  const at::Tensor& tensor() const { return tensor_; }
  std::int64_t images() const { return tensor_.size(0); }
  std::int64_t channels() const { return channels_; }
  std::int64_t height() const { return tensor_.size(2); }
  std::int64_t width() const { return tensor_.size(3); }
  std::int64_t pixels() const { return height() * width(); }
  std::int64_t rows() const { return images() * pixels(); }
  EvenRanges chunks() const { return {rows(), kRows}; }
  PaddedMap padded() const { return {height(), width()}; }
  float* row(std::int64_t i) const { return values_ + i * channels_; }

 private:
  at::Tensor tensor_;
  float* values_;
  std::int64_t channels_;
};

/** Maps of x, which is copied only if it is not float32 and channels last. */
inline Maps maps_of(const at::Tensor& x) {
  return Maps(x.to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast));
}

/** Statistics of `channels` channels from `begin` on, over all rows. */
NormStatistics statistics_of(const Maps& maps, std::int64_t begin, std::int64_t channels);

/** The gradient dx of a norm's input x from that of its output dy; on all threads. */
void differentiate(const NormGradient& norm, const Maps& dy, const Maps& x, const Maps& dx);

/** Writes norm and ReLU of `count` rows, those of whole images, into the inside of padded maps. */
void pad(const PaddedMap& map, const NormRelu& norm, const float* rows, std::int64_t count, float* padded);

}  // namespace torch_tl
