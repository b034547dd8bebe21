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

/** `AugmentationOptions` of lib/engine/native.ts. */
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
 * Changes training images at random, a batch at a time and on their device.
 *
 * Every number is drawn on the host from the one generator given, in the order of `AugmentationOptions` and
 * within one kind in the order of the images; what is off draws nothing. So a seed gives the same
 * augmentation on every device, and the generator's state is all the state there is.
 */
class Augmentation {
 public:
  Augmentation(const AugmentationOptions& options, at::Generator cpu_generator)
      : options_(options), generator_(std::move(cpu_generator)) {}

  /**
   * Mirrors, changes the colours, crops and resizes: uint8 [n, h, w, 3] -> float32 [n, 3, side, side] in
   * 0..255. The colours change before the crop, so that a border stays black and contrast is about the whole
   * image's mean.
   */
  at::Tensor images(const at::Tensor& pixels, std::int64_t side);

  /** Sets a random box of some normalised images [n, 3, h, w] to 0, the mean colour, in place. */
  void erase(const at::Tensor& images);

  /**
   * Mixes images [n, 3, h, w] and their int64 [n] labels with those of the image before; the targets are
   * float32 [n, classes] then. Gives the batch as it is where nothing mixes. May write into the images.
   */
  Batch mix(const Batch& batch, std::int64_t classes);

 private:
  std::vector<Box> draw_boxes(std::int64_t count, std::int64_t height, std::int64_t width);
  at::Tensor mirror(const at::Tensor& pixels);

  AugmentationOptions options_;
  at::Generator generator_;
};

}  // namespace torch_tl
