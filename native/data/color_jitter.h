#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

namespace torch_tl {

/** As torchvision's ColorJitter: factors from `1 - value` (no less than 0) to `1 + value`, hue in turns. */
struct ColorJitterOptions {
  double brightness = 0;
  double contrast = 0;
  double saturation = 0;
  double hue = 0;
};

/**
 * Draws four factors per image and changes its colours: float32 [n, h, w, 3] in 0..255 -> the same.
 *
 * Brightness, contrast about the image's mean grey, saturation and hue follow one another as torchvision's
 * formulas have them, but in this order always, and cut off at 0 and 255 only at the end. So they are one
 * affine map of an image's colours. Hue turns the chroma of YIQ, where torchvision turns that of HSV.
 */
at::Tensor jitter_colors(const at::Tensor& images, const ColorJitterOptions& options,
                         at::Generator& generator);

}  // namespace torch_tl
