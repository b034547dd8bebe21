#pragma once

#include <ATen/core/Generator.h>

#include <array>
#include <cstdint>
#include <optional>

namespace torch_tl {

/** A part of an image in whole pixels; what lies outside the image is black. */
struct Box {
  std::int64_t top = 0;
  std::int64_t left = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/** From which to which share of an image's area, and which ratio of the sides. */
struct BoxRange {
  std::array<double, 2> scale{};
  std::array<double, 2> ratio{};
};

/**
 * torchvision's `RandomResizedCrop.get_params`, draw for draw: share of the area, logarithm of width /
 * height, then the place, in ten tries; after these the largest box in the middle whose ratio is allowed.
 */
Box draw_crop(const BoxRange& range, std::int64_t height, std::int64_t width, at::Generator& generator);

/**
 * torchvision's `RandomErasing.get_params`, draw for draw: the same with height / width and a box that fills
 * no side; nothing after ten tries.
 */
std::optional<Box> draw_erased_box(const BoxRange& range, std::int64_t height, std::int64_t width,
                                   at::Generator& generator);

/** How far a crop of the image's own size is moved: by up to so many pixels each way. */
struct Shift {
  std::int64_t down = 0;
  std::int64_t right = 0;
};

/** torchvision's `RandomCrop.get_params` of an image with this share of each side as its border. */
Shift draw_shift(double padding, std::int64_t height, std::int64_t width, at::Generator& generator);

}  // namespace torch_tl
