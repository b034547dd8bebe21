#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "data/boxes.h"
#include "data/color_jitter.h"
#include "data/mixing.h"

namespace torch_tl {

struct RandomErasingOptions {
  double probability = 0;
  BoxRange range;
};

/** `AugmentationOptions` of lib/engine/native-training.ts. */
struct AugmentationOptions {
  std::optional<BoxRange> random_resized_crop;
  std::optional<double> random_crop_padding;  // share of the side
  double horizontal_flip = 0;                 // probability
  std::optional<ColorJitterOptions> color_jitter;
  std::optional<RandomErasingOptions> random_erasing;
  double mixup = 0;  // alpha; 0 is off
  double cutmix = 0;
};

/**
 * Changes training images at random, batch by batch and on their device.
 *
 * All numbers are drawn on the host from one generator: kind by kind in the order of `AugmentationOptions`,
 * and for each kind in the order of the images. A kind that is off draws nothing. So a seed gives the same
 * augmentation on every device, and the generator's state is the only state.
 */
class Augmentation {
 public:
  Augmentation(const AugmentationOptions& options, at::Generator cpu_generator)
      : options_(options), generator_(std::move(cpu_generator)) {}

  /**
   * Mirrors, changes colours, crops and resizes: uint8 [n, h, w, 3] -> float32 [n, 3, side, side] in 0..255.
   * Colours change before the crop, so that a border stays black and contrast is relative to the mean of the
   * whole image.
   */
  at::Tensor images(const at::Tensor& pixels, std::int64_t side);

  /** Sets a random box of randomly chosen normalised images [n, 3, h, w] to 0, the mean colour, in place. */
  void erase(const at::Tensor& images);

  /**
   * Mixes each image of [n, 3, h, w] and its label (int64 [n]) with those of the image before it; the targets
   * are then float32 [n, classes]. Returns the batch unchanged if mixing is off. May write into the images.
   */
  Batch mix(const Batch& batch, std::int64_t classes);

 private:
  std::vector<Box> draw_boxes(std::int64_t count, std::int64_t height, std::int64_t width);
  at::Tensor mirror(const at::Tensor& pixels);

  AugmentationOptions options_;
  at::Generator generator_;
};

}  // namespace torch_tl
