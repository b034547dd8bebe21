#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "executors/convolution.h"
#include "executors/norm.h"

namespace torch_tl {

/** Rows that go through a product at a time: a multiple of a tile's six, so many that they stay in the cache.
 */
inline constexpr std::int64_t kRows = 48;

inline const float* values(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

/** Maps [n, channels, height, width] as the kernels see them: [rows][channels], a row a pixel. */
struct Maps {
  at::Tensor tensor;  // float32, channels last

  explicit Maps(at::Tensor tensor_) : tensor(std::move(tensor_)) {}
  /** Without values. */
  Maps(std::int64_t pictures, std::int64_t channels, std::int64_t height, std::int64_t width);

  std::int64_t pictures() const { return tensor.size(0); }
  std::int64_t channels() const { return tensor.size(1); }
  std::int64_t height() const { return tensor.size(2); }
  std::int64_t width() const { return tensor.size(3); }
  std::int64_t pixels() const { return height() * width(); }
  std::int64_t rows() const { return pictures() * pixels(); }
  /** How many times kRows, the last ones perhaps fewer. */
  std::int64_t chunks() const { return (rows() + kRows - 1) / kRows; }
  PaddedMap padded() const { return {height(), width()}; }
  float* row(std::int64_t i) const { return tensor.data_ptr<float>() + i * channels(); }
};

/** Over all rows, of the channels from `begin`. */
BatchStatistics statistics_of(const Maps& maps, std::int64_t begin, std::int64_t channels);

}  // namespace torch_tl
