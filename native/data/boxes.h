#pragma once

#include <ATen/core/Generator.h>

#include <array>
#include <cstdint>
#include <optional>

namespace torch_tl {

/** A part of an image in whole pixels; it is black outside the image. */
struct Box {
  std::int64_t top = 0;
  std::int64_t left = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/** Ranges of a box's share of the image's area and of the ratio of its sides. */
struct BoxRange {
  std::array<double, 2> scale{};
  std::array<double, 2> ratio{};
};

/**
 * torchvision's `RandomResizedCrop.get_params`, draw for draw: draws the share of the area, the logarithm of
 * width / height, then the place. After ten boxes that do not fit it takes the largest central box with an
 * allowed ratio.
 */
Box draw_crop(const BoxRange& range, std::int64_t height, std::int64_t width, at::Generator& generator);

/**
 * torchvision's `RandomErasing.get_params`, draw for draw: likewise, but with height / width, and a box must
 * be smaller than the image in both directions. Returns none after ten tries.
 */
std::optional<Box> draw_erased_box(const BoxRange& range, std::int64_t height, std::int64_t width,
                                   at::Generator& generator);

/** How far a crop of the image's own size is moved, in pixels. */
struct Shift {
  std::int64_t down = 0;
  std::int64_t right = 0;
};

/** torchvision's `RandomCrop.get_params` for an image whose border is `padding` of each side. */
Shift draw_shift(double padding, std::int64_t height, std::int64_t width, at::Generator& generator);

}  // namespace torch_tl
