#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

namespace torch_tl {

/** As in torchvision's ColorJitter: factors from `1 - value`, at least 0, to `1 + value`; hue in turns. */
struct ColorJitterOptions {
  double brightness = 0;
  double contrast = 0;
  double saturation = 0;
  double hue = 0;
};

/**
 * Draws four factors per image and changes its colours: float32 [n, h, w, 3] in 0..255 -> likewise.
 *
 * Applies brightness, contrast relative to the image's mean grey, saturation and hue by torchvision's
 * formulas, but always in this order, and clamps to 0..255 only at the end. Together they are one affine map
 * of an image's colours. Hue rotates the chroma of YIQ, where torchvision rotates the hue of HSV.
 */
at::Tensor jitter_colors(const at::Tensor& images, const ColorJitterOptions& options,
                         at::Generator& generator);

}  // namespace torch_tl
