#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "executors/maps.h"
#include "kernels/kernels.h"

namespace torch_tl {

/* What the stem's executors share: conv0 line by line, and where its max pool looks. */

/** Pixels that conv0, or its max pool, makes of a side of so many. */
inline std::int64_t halved(std::int64_t side) { return (side + 1) / 2; }

/** Lines, and columns, that a pixel of the max pool sees. */
inline constexpr std::int64_t kPooled = 3;

/** Which of `size` lines, or columns, the pool's line `i` sees: beyond the border is what is beside it, which
 * leaves the greatest as it is. */
inline std::array<std::int64_t, kPooled> pooled(std::int64_t i, std::int64_t size) {
  return {std::max<std::int64_t>(2 * i - 1, 0), 2 * i, std::min(2 * i + 1, size - 1)};
}

/** conv0's weight [out, 3, 7, 7] in panels, whose depth is the kernel's places and channels. */
at::Tensor in_stem_panels(const at::Tensor& conv);

/** Images' lines with the border, as conv0 sees them. For one thread. */
class StemLines {
 public:
  /** `images` are [n, 3, h, w]. */
  explicit StemLines(const Maps& images);

  /** Of conv0's result. */
  std::int64_t height() const { return halved(images_.height()); }
  std::int64_t width() const { return halved(images_.width()); }
  /** Pixels that `convolve` writes: whole tiles, the last of which may reach beyond the width. */
  std::int64_t tiled_width() const { return tiles_ * kStemPixels; }

  /**
   * The lines under the kernel where it makes an image's line, which stay until the next call; going on
   * downwards keeps those that overlap. Each may be read for a pixel more than its last window.
   */
  std::array<const float*, kStemKernel> under(std::int64_t image, std::int64_t line);

  /** An image's line of conv0's result, to [tiled_width, channels]; `conv` is in panels. */
  void convolve(std::int64_t image, std::int64_t line, const at::Tensor& conv, float* out);

 private:
  void pad(std::int64_t image, std::int64_t line);
  float* padded(std::int64_t line);

  const Maps& images_;
  std::int64_t tiles_;  // of a line of the result
  at::Tensor padded_;   // [kStemKernel, padded width, 3]: the lines under the kernel; their borders stay 0
  std::int64_t image_ = -1;
  std::int64_t first_ = 0;  // of the lines under the kernel
};

}  // namespace torch_tl
