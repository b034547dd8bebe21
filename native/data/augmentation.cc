#include "data/augmentation.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/flip.h>
#include <ATen/ops/where.h>

#include "data/draws.h"
#include "data/resample.h"
#include "data/upload.h"

namespace torch_tl {

at::Tensor Augmentation::images(const at::Tensor& pixels, std::int64_t side) {
  const std::vector<Box> boxes = draw_boxes(pixels.size(0), pixels.size(1), pixels.size(2));
  at::Tensor images = options_.horizontal_flip > 0 ? mirror(pixels) : pixels;
  images = images.to(at::kFloat);
  if (options_.color_jitter) images = jitter_colors(images, *options_.color_jitter, generator_);
  images = images.permute({0, 3, 1, 2});
  return boxes.empty() ? resize(images, side) : resize_boxes(images, boxes, side);
}

/** The part of each image to keep; empty if all of every image is kept. */
std::vector<Box> Augmentation::draw_boxes(std::int64_t count, std::int64_t height, std::int64_t width) {
  std::vector<Box> boxes;
  if (!options_.random_resized_crop && !options_.random_crop_padding) return boxes;
  boxes.assign(count, {0, 0, height, width});
  if (options_.random_resized_crop) {
    for (Box& box : boxes) box = draw_crop(*options_.random_resized_crop, height, width, generator_);
  }
  if (options_.random_crop_padding) {
    for (Box& box : boxes) {
      const Shift shift = draw_shift(*options_.random_crop_padding, height, width, generator_);
      box.top += shift.down;
      box.left += shift.right;
    }
  }
  return boxes;
}

/** Mirrors bytes, not the values sampled from them, so that a mirrored image is exact. */
at::Tensor Augmentation::mirror(const at::Tensor& pixels) {
  const at::Tensor mirrored = at::empty({pixels.size(0), 1, 1, 1}, at::kBool);
  auto* values = mirrored.data_ptr<bool>();
  for (std::int64_t i = 0; i < mirrored.numel(); ++i) {
    values[i] = draw_chance(options_.horizontal_flip, generator_);
  }
  return at::where(upload(mirrored, pixels.device()), pixels.flip(2), pixels);
}

void Augmentation::erase(const at::Tensor& images) {
  if (!options_.random_erasing) return;
  const auto& [probability, range] = *options_.random_erasing;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    if (!draw_chance(probability, generator_)) continue;
    const std::optional<Box> box = draw_erased_box(range, images.size(2), images.size(3), generator_);
    if (!box) continue;
    images[i].narrow(1, box->top, box->height).narrow(2, box->left, box->width).zero_();
  }
}

Batch Augmentation::mix(const Batch& batch, std::int64_t classes) {
  if (options_.mixup == 0 && options_.cutmix == 0) return batch;
  const bool both = options_.mixup > 0 && options_.cutmix > 0;
  const bool blends = both ? draw_chance(0.5, generator_) : options_.mixup > 0;
  return blends ? mixup(batch, classes, options_.mixup, generator_)
                : cutmix(batch, classes, options_.cutmix, generator_);
}

}  // namespace torch_tl
