#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "executors/maps.h"
#include "kernels/kernels.h"

namespace torch_tl {

/* Shared by the stem's executors: conv0 line by line, and the windows of its max pool. */

/** The side of conv0's output, or of its max pool's, for an input of `side` pixels. */
inline std::int64_t halved(std::int64_t side) { return (side + 1) / 2; }

/** Lines, and columns, in a window of the max pool. */
inline constexpr std::int64_t kPooled = 3;

/**
 * The lines, or columns, of `size` in the pool's window `i`. One beyond the border is replaced by its
 * neighbour, which does not change the maximum.
 */
inline std::array<std::int64_t, kPooled> pooled(std::int64_t i, std::int64_t size) {
  return {std::max<std::int64_t>(2 * i - 1, 0), 2 * i, std::min(2 * i + 1, size - 1)};
}

/** Packs conv0's weight [out, 3, 7, 7] into panels, whose depth is the kernel's places and channels. */
at::Tensor in_stem_panels(const at::Tensor& conv);

/** The lines of images, padded as conv0 reads them. For one thread. */
class StemLines {
 public:
  /** `images` are [n, 3, h, w]. */
  explicit StemLines(const Maps& images);

  /** Size of conv0's output. */
  std::int64_t height() const { return halved(images_.height()); }
  std::int64_t width() const { return halved(images_.width()); }
  /** Pixels per line that `convolve` writes: whole tiles, the last of which may reach beyond the width. */
  std::int64_t tiled_width() const { return tiles_ * kStemPixels; }

  /**
   * The input lines under the kernel for line `line` of conv0's output, valid until the next call. Successive
   * calls down an image reuse the lines that overlap. Each line may be read one pixel past its last window.
   */
  std::array<const float*, kStemKernel> under(std::int64_t image, std::int64_t line);

  /** Writes a line of conv0's output, [tiled_width, channels]; `conv` is in panels. */
  void convolve(std::int64_t image, std::int64_t line, const at::Tensor& conv, float* out);

 private:
  void pad(std::int64_t image, std::int64_t line);
  float* padded(std::int64_t line);

  const Maps& images_;
  std::int64_t tiles_;  // per line of the output
  at::Tensor padded_;   // [kStemKernel, padded width, 3]: the lines under the kernel; borders stay 0
  std::int64_t image_ = -1;
  std::int64_t first_ = 0;  // line under the kernel
};

}  // namespace torch_tl
